package dev.vz.storage.vmdk;

import dev.vz.error.CapabilityException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import org.jspecify.annotations.Nullable;

/** Sectors that are zeros and in no file. */
final class ZeroExtent implements Extent {

    private final long size;

    ZeroExtent(long size) {
        this.size = size;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public @Nullable ImageFile file() {
        return null;
    }

    @Override
    public int granule() {
        return 1;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        mapping.zero(null, 0, length);
    }

    @Override
    public void prepareWrite(long offset, long length, WritePlan plan) {
        throw new CapabilityException("Cannot write to a VMDK extent of type ZERO, which has no file");
    }

    @Override
    public long zero(long offset, long length, boolean mayUnmap) {
        return length;
    }

    @Override
    public void flush() {
        // There is no file.
    }

    @Override
    public void close() {
        // There is no file.
    }
}
