package dev.vz.storage.raw;

import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.util.concurrent.locks.StampedLock;

/** A file whose bytes are the disk's. A last sector that is not whole in the file reads as zeros where it is not. */
public final class RawDriver implements ImageDriver {

    private final ImageFile file;
    private final StampedLock use = new StampedLock();

    /** Takes over {@code file}. */
    public RawDriver(ImageFile file) {
        this.file = file;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.RAW;
    }

    @Override
    public ImageFile file() {
        return file;
    }

    @Override
    public long size() {
        return file.size() + 511 & -512;
    }

    @Override
    public int granule() {
        return 1;
    }

    @Override
    public boolean readOnly() {
        return file.readOnly();
    }

    @Override
    public StampedLock use() {
        return use;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        mapping.data(file, offset, length);
    }

    @Override
    public boolean locateNow(long offset, long length, Mapping mapping) {
        locate(offset, length, mapping);
        return true;
    }

    @Override
    public boolean isPlain() {
        return true;
    }

    @Override
    public void prepareWrite(long offset, long length, WritePlan plan) {
        plan.inPlace(file, offset, offset, length);
    }

    @Override
    public void commitWrite(WritePlan plan) {
        // Nothing is ever allocated.
    }

    @Override
    public void abortWrite(WritePlan plan) {
        // Nothing is ever allocated.
    }

    @Override
    public long zero(long offset, long length, boolean mayUnmap) {
        file.writeZeroes(offset, length, mayUnmap);
        return length;
    }

    @Override
    public int zeroGranularity() {
        return 1;
    }

    @Override
    public void discard(long offset, long length) {
        file.discard(offset, length);
    }

    @Override
    public void flush() {
        file.flush();
    }

    @Override
    public void resize(long size) {
        long stamp = use.writeLock();
        try {
            file.resize(size);
        } finally {
            use.unlockWrite(stamp);
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
