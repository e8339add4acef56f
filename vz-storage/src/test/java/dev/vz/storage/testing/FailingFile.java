package dev.vz.storage.testing;

import dev.vz.error.HostException;
import dev.vz.storage.file.ForwardingFile;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A file of which one change fails, as it does on a broken disk, and all others succeed. */
public final class FailingFile extends ForwardingFile {

    private int changes;
    private int failing = -1;

    /** Nothing fails until {@link #failAt}. */
    public FailingFile(ImageFile file) {
        super(file);
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
    public void write(long position, MemorySegment source, long offset, long length) {
        change("write");
        super.write(position, source, offset, length);
    }

    @Override
    public void flush() {
        change("fdatasync");
        super.flush();
    }

    @Override
    public void resize(long size) {
        change("ftruncate");
        super.resize(size);
    }

    @Override
    public void allocate(long position, long length) {
        change("fallocate");
        super.allocate(position, length);
    }

    @Override
    public void discard(long position, long length) {
        change("fallocate");
        super.discard(position, length);
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        change("fallocate");
        super.writeZeroes(position, length, mayUnmap);
    }
}
