package dev.vz.samples.cli.disk;

import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A part of a file, as a file whose length stays. */
final class WindowFile implements ImageFile {

    private final ImageFile whole;
    private final long start;
    private final long size;

    WindowFile(ImageFile whole, long start, long size) {
        this.whole = whole;
        this.start = start;
        this.size = size;
    }

    @Override
    public String name() {
        return whole.name();
    }

    @Override
    public boolean readOnly() {
        return whole.readOnly();
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public long allocatedBytes() {
        return whole.allocatedBytes();
    }

    @Override
    public Object identity() {
        return whole.identity();
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        whole.read(start + position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        requireWithin(position, length);
        whole.write(start + position, source, offset, length);
    }

    private void requireWithin(long position, long length) {
        if (length > size - position) {
            throw new CommandFailure("Cannot write " + length + " bytes at " + position + " of a part of " + size
                    + " bytes");
        }
    }

    @Override
    public void flush() {
        whole.flush();
    }

    @Override
    public void resize(long wanted) {
        throw new CommandFailure("Cannot resize fixed-size raw disks");
    }

    @Override
    public void allocate(long position, long length) {
        requireWithin(position, length);
        whole.allocate(start + position, length);
    }

    @Override
    public void discard(long position, long length) {
        whole.discard(start + position, Math.min(length, size - position));
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        requireWithin(position, length);
        whole.writeZeroes(start + position, length, mayUnmap);
    }

    @Override
    public long nextData(long position) {
        return Math.min(size, Math.max(position, whole.nextData(start + position) - start));
    }

    @Override
    public long nextHole(long position) {
        return Math.min(size, Math.max(position, whole.nextHole(start + position) - start));
    }

    @Override
    public void close() {
        whole.close();
    }
}
