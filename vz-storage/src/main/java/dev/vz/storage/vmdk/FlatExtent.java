package dev.vz.storage.vmdk;

import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;

/** Sectors as they are in a file, from some place on. */
final class FlatExtent implements Extent {

    private final ImageFile file;
    private final long start;
    private final long size;

    FlatExtent(ImageFile file, long start, long size) {
        this.file = file;
        this.start = start;
        this.size = size;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public ImageFile file() {
        return file;
    }

    @Override
    public int granule() {
        return 1;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        mapping.data(file, start + offset, length);
    }

    @Override
    public void prepareWrite(long offset, long length, WritePlan plan) {
        plan.inPlace(file, offset, start + offset, length);
    }

    @Override
    public long zero(long offset, long length, boolean mayUnmap) {
        file.writeZeroes(start + offset, length, mayUnmap);
        return length;
    }

    @Override
    public void flush() {
        file.flush();
    }

    @Override
    public void close() {
        file.close();
    }
}
