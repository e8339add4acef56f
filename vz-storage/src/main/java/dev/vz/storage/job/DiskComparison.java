package dev.vz.storage.job;

import dev.vz.storage.DiskImage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;

/** Finds where two disks differ. */
public final class DiskComparison {

    private static final int CHUNK = 1 << 20;
    private static final MemorySegment ZEROS = Arena.global().allocate(CHUNK);

    private DiskComparison() {}

    /**
     * The first byte in which two disks differ; where one is longer, the other counts as zeros there. What both hold as
     * zeros for certain is not read.
     */
    public static OptionalLong firstDifference(DiskImage a, DiskImage b, JobControl control) {
        long size = Math.max(a.info().size(), b.info().size());
        MemorySegment ofA = Arena.ofAuto().allocate(CHUNK);
        MemorySegment ofB = Arena.ofAuto().allocate(CHUNK);
        long at = 0;
        while (at < size && !control.cancelled()) {
            long length = Math.min(zeros(a, at), zeros(b, at));
            if (length > 0) {
                at = Math.min(size, at + length);
            } else {
                length = Math.min(CHUNK, size - at);
                read(a, at, ofA.asSlice(0, length));
                read(b, at, ofB.asSlice(0, length));
                long found = MemorySegment.mismatch(ofA, 0, length, ofB, 0, length);
                if (found >= 0) {
                    return OptionalLong.of(at + found);
                }
                at += length;
            }
            control.progress(at, size);
        }
        return OptionalLong.empty();
    }

    /** For how many bytes from {@code at} on the disk is zeros for certain. */
    private static long zeros(DiskImage disk, long at) {
        long size = disk.info().size();
        if (at >= size) {
            return Long.MAX_VALUE - at;
        }
        var extent = disk.map(at, size - at);
        return extent.zero() ? extent.length() : 0;
    }

    private static void read(DiskImage disk, long at, MemorySegment target) {
        long within = Math.clamp(disk.info().size() - at, 0, target.byteSize());
        if (within > 0) {
            disk.read(at, target.asSlice(0, within));
        }
        MemorySegment.copy(ZEROS, 0, target, within, target.byteSize() - within);
    }
}
