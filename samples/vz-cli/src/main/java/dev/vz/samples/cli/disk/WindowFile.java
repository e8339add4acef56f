package dev.vz.samples.cli.disk;

import dev.vz.storage.file.ForwardingFile;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A part of a file, as a file whose length stays. */
final class WindowFile extends ForwardingFile {

    private final long start;
    private final long size;

    WindowFile(ImageFile whole, long start, long size) {
        super(whole);
        this.start = start;
        this.size = size;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        super.read(start + position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        requireWithin(position, length);
        super.write(start + position, source, offset, length);
    }

    private void requireWithin(long position, long length) {
        if (length > size - position) {
            throw new CommandFailure("Cannot write " + length + " bytes at " + position + " of a part of " + size
                    + " bytes");
        }
    }

    @Override
    public void resize(long wanted) {
        throw new CommandFailure("Cannot resize fixed-size raw disks");
    }

    @Override
    public void allocate(long position, long length) {
        requireWithin(position, length);
        super.allocate(start + position, length);
    }

    @Override
    public void discard(long position, long length) {
        super.discard(start + position, Math.min(length, size - position));
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        requireWithin(position, length);
        super.writeZeroes(start + position, length, mayUnmap);
    }

    @Override
    public long nextData(long position) {
        return Math.min(size, Math.max(position, super.nextData(start + position) - start));
    }

    @Override
    public long nextHole(long position) {
        return Math.min(size, Math.max(position, super.nextHole(start + position) - start));
    }
}
