package dev.vz.storage.vhd;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.LinkedDriver;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.StampedLock;

/** A fixed VHD image: the disk's bytes, and a footer behind them. */
final class FixedVhdDriver implements LinkedDriver {

    private final ImageFile file;
    private final long size;
    private final UUID uniqueId;
    private final StampedLock use = new StampedLock();

    FixedVhdDriver(ImageFile file, VhdFooter footer) {
        long size = footer.size();
        if (size > file.size() - VhdFooter.LENGTH) {
            throw new FormatException("The fixed VHD image " + file.name() + " is for a disk of " + size
                    + " bytes, but its file has only " + file.size());
        }
        this.file = file;
        this.size = size;
        this.uniqueId = footer.uniqueId();
    }

    @Override
    public String link() {
        return uniqueId.toString();
    }

    @Override
    public Optional<String> parentLink() {
        return Optional.empty();
    }

    @Override
    public void relink(String link) {
        throw new CapabilityException("The fixed VHD image " + file.name() + " has no parent");
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.VPC;
    }

    @Override
    public ImageFile file() {
        return file;
    }

    @Override
    public long size() {
        return size;
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
    public void resize(long bytes) {
        throw new CapabilityException("Disks in VHD images keep their size; convert " + file.name()
                + " into a larger image instead");
    }

    @Override
    public void close() {
        file.close();
    }
}
