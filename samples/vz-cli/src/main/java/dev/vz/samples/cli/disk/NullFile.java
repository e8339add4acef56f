package dev.vz.samples.cli.disk;

import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A file that forgets what is written to it. */
final class NullFile implements ImageFile {

    private volatile long size;
    private final boolean readsZeros;

    NullFile(long size, boolean readsZeros) {
        this.size = size;
        this.readsZeros = readsZeros;
    }

    @Override
    public String name() {
        return "null-co://";
    }

    @Override
    public boolean readOnly() {
        return false;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public long allocatedBytes() {
        return 0;
    }

    @Override
    public Object identity() {
        return this;
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        if (readsZeros) {
            target.asSlice(offset, length).fill((byte) 0);
        }
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        // That is its purpose.
    }

    @Override
    public void flush() {
        // There is nothing to keep.
    }

    @Override
    public void resize(long size) {
        this.size = size;
    }

    @Override
    public void allocate(long position, long length) {
        // There is nothing to keep.
    }

    @Override
    public void discard(long position, long length) {
        // There is nothing to give back.
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        // That is its purpose.
    }

    @Override
    public long nextData(long position) {
        return readsZeros ? size : position;
    }

    @Override
    public long nextHole(long position) {
        return readsZeros ? position : size;
    }

    @Override
    public void close() {
        // There is nothing to release.
    }
}
