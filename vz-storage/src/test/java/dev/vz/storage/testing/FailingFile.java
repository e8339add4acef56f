package dev.vz.storage.testing;

import dev.vz.error.HostException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A file of which one change fails, as it does on a broken disk, and all others succeed. */
public final class FailingFile implements ImageFile {

    private final ImageFile file;
    private int changes;
    private int failing = -1;

    /** Nothing fails until {@link #failAt}. */
    public FailingFile(ImageFile file) {
        this.file = file;
    }

    /** Counts from now on: the change with this number, from 0 on, fails. */
    public void failAt(int number) {
        changes = 0;
        failing = number;
    }

    /** Whether the change that was to fail has come. */
    public boolean hasFailed() {
        return failing >= 0 && changes > failing;
    }

    private void change(String what) {
        if (changes++ == failing) {
            throw new HostException(what, name(), 5, "EIO", null);
        }
    }

    @Override
    public String name() {
        return file.name();
    }

    @Override
    public boolean readOnly() {
        return file.readOnly();
    }

    @Override
    public long size() {
        return file.size();
    }

    @Override
    public long allocatedBytes() {
        return file.allocatedBytes();
    }

    @Override
    public Object identity() {
        return file.identity();
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        file.read(position, target, offset, length);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        change("write");
        file.write(position, source, offset, length);
    }

    @Override
    public void flush() {
        change("fdatasync");
        file.flush();
    }

    @Override
    public void resize(long size) {
        change("ftruncate");
        file.resize(size);
    }

    @Override
    public void allocate(long position, long length) {
        change("fallocate");
        file.allocate(position, length);
    }

    @Override
    public void discard(long position, long length) {
        change("fallocate");
        file.discard(position, length);
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        change("fallocate");
        file.writeZeroes(position, length, mayUnmap);
    }

    @Override
    public long nextData(long position) {
        return file.nextData(position);
    }

    @Override
    public long nextHole(long position) {
        return file.nextHole(position);
    }

    @Override
    public void close() {
        file.close();
    }
}
