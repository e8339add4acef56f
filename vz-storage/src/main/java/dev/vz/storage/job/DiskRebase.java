package dev.vz.storage.job;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.image.Mapping;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Prepares an image for another backing image: what both show differently, the image takes over itself. */
public final class DiskRebase {

    private static final int CHUNK = 1 << 20;
    private static final int SECTOR = 512;

    private DiskRebase() {}

    /**
     * Copies into {@code image} what it does not hold and {@code base} shows otherwise than its present backing image. The
     * image's backing file itself is changed by the caller, afterwards, so that a crash before that changes nothing that
     * is seen.
     *
     * @param base the new backing image; {@code null} for none
     */
    public static void run(DiskImage image, @Nullable DiskImage base, JobControl control) {
        if (image.info().readOnly()) {
            throw new ConfigurationException("Cannot rebase " + image + ", which is open for reading only");
        }
        long size = image.info().size();
        DiskImage old = image.backing().orElse(null);
        var mapping = new Mapping();
        MemorySegment before = Arena.ofAuto().allocate(CHUNK);
        MemorySegment after = Arena.ofAuto().allocate(CHUNK);
        long at = 0;
        while (at < size && !control.cancelled()) {
            long length = Math.min(CHUNK, size - at);
            long stamp = image.driver().use().readLock();
            try {
                image.driver().locate(at, length, mapping);
            } finally {
                image.driver().use().unlockRead(stamp);
            }
            length = mapping.length();
            if (mapping.kind() == Mapping.Kind.UNALLOCATED) {
                read(old, at, before.asSlice(0, length));
                read(base, at, after.asSlice(0, length));
                takeOver(image, at, before.asSlice(0, length), after.asSlice(0, length));
            }
            at += length;
            control.progress(at, size);
        }
        image.flush();
    }

    private static void takeOver(DiskImage image, long offset, MemorySegment before, MemorySegment after) {
        long length = before.byteSize();
        long at = 0;
        while (at < length) {
            long same = MemorySegment.mismatch(before, at, length, after, at, length);
            if (same < 0) {
                return;
            }
            long start = at + same & -SECTOR;
            long end = start;
            while (end < length) {
                long piece = Math.min(SECTOR, length - end);
                if (MemorySegment.mismatch(before, end, end + piece, after, end, end + piece) < 0) {
                    break;
                }
                end += piece;
            }
            image.write(offset + start, before.asSlice(start, end - start));
            at = end;
        }
    }

    private static void read(@Nullable DiskImage disk, long at, MemorySegment target) {
        long within = disk == null ? 0 : Math.clamp(disk.info().size() - at, 0, target.byteSize());
        if (disk != null && within > 0) {
            disk.read(at, target.asSlice(0, within));
        }
        target.asSlice(within).fill((byte) 0);
    }
}
