package dev.vz.samples.cli.disk;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.storage.DiskImage;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;

/** A disk as a file that an image is in: one that another image shows, or one that a server exports. It keeps its size. */
final class DiskFile implements ImageFile {

    private final BlockDevice disk;
    private final String name;
    private final long allocated;

    DiskFile(BlockDevice disk, String name, long allocated) {
        this.disk = disk;
        this.name = name;
        this.allocated = allocated;
    }

    /** The disk that {@code image} shows. */
    static DiskFile of(DiskImage image) {
        ImageFile file = image.driver().file();
        return new DiskFile(image, file.name(), file.allocatedBytes());
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean readOnly() {
        return disk.info().readOnly();
    }

    @Override
    public long size() {
        return disk.info().size();
    }

    @Override
    public long allocatedBytes() {
        return allocated;
    }

    @Override
    public Object identity() {
        return this;
    }

    @Override
    public void read(long position, MemorySegment target, long offset, long length) {
        long within = Math.clamp(size() - position, 0, length);
        if (within > 0) {
            disk.read(position, target.asSlice(offset, within));
        }
        target.asSlice(offset + within, length - within).fill((byte) 0);
    }

    @Override
    public void write(long position, MemorySegment source, long offset, long length) {
        requireWithin(position, length);
        disk.write(position, source.asSlice(offset, length));
    }

    private void requireWithin(long position, long length) {
        if (length > size() - position) {
            throw new CommandFailure("Cannot write " + length + " bytes at " + position + " of a disk of " + size()
                    + " bytes");
        }
    }

    @Override
    public void flush() {
        if (!readOnly()) {
            disk.flush();
        }
    }

    @Override
    public void resize(long wanted) {
        if (wanted != size()) {
            throw new CommandFailure("Cannot resize the disk " + name + " that an image is in");
        }
    }

    /** The disk below takes storage when it is written. */
    @Override
    public void allocate(long position, long length) {
        requireWithin(position, length);
    }

    @Override
    public void discard(long position, long length) {
        disk.discard(position, Math.min(length, size() - position));
    }

    @Override
    public void writeZeroes(long position, long length, boolean mayUnmap) {
        requireWithin(position, length);
        disk.writeZeroes(position, length);
    }

    @Override
    public long nextData(long position) {
        return next(position, false);
    }

    @Override
    public long nextHole(long position) {
        return next(position, true);
    }

    private long next(long position, boolean hole) {
        long at = position;
        while (at < size()) {
            BlockExtent extent = disk.status(at, size() - at);
            if (extent.zero() == hole) {
                return at;
            }
            at += extent.length();
        }
        return size();
    }

    @Override
    public void close() {
        disk.close();
    }
}
