package dev.vz.storage.image;

import dev.vz.error.LifecycleException;
import dev.vz.storage.file.ImageFile;
import java.util.concurrent.locks.StampedLock;

/** What drivers have in common that only read. */
public abstract class ReadOnlyDriver implements ImageDriver {

    private final ImageFile file;
    private final long size;
    private final StampedLock use = new StampedLock();

    /** Takes over {@code file}, which shows a disk of {@code size} bytes. */
    protected ReadOnlyDriver(ImageFile file, long size) {
        this.file = file;
        this.size = size;
    }

    @Override
    public final ImageFile file() {
        return file;
    }

    @Override
    public final long size() {
        return size;
    }

    @Override
    public final boolean readOnly() {
        return true;
    }

    @Override
    public final StampedLock use() {
        return use;
    }

    private LifecycleException refusal() {
        return new LifecycleException("The image " + file.name() + " is in the format " + format()
                + ", which is only read; convert it into another format to write to it");
    }

    @Override
    public final void prepareWrite(long offset, long length, WritePlan plan) {
        throw refusal();
    }

    @Override
    public final void commitWrite(WritePlan plan) {
        throw refusal();
    }

    @Override
    public final void abortWrite(WritePlan plan) {
        throw refusal();
    }

    @Override
    public final long zero(long offset, long length, boolean mayUnmap) {
        throw refusal();
    }

    @Override
    public final int zeroGranularity() {
        return 0;
    }

    @Override
    public final void discard(long offset, long length) {
        throw refusal();
    }

    @Override
    public final void flush() {
        // Nothing was written.
    }

    @Override
    public final void resize(long size) {
        throw refusal();
    }

    @Override
    public void close() {
        file.close();
    }
}
