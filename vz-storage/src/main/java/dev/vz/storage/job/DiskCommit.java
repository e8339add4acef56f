package dev.vz.storage.job;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.DiskImage;
import dev.vz.storage.MapExtent;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Writes what the upper images of a chain hold into a lower one. */
public final class DiskCommit {

    private static final int CHUNK = 1 << 20;

    private DiskCommit() {}

    /**
     * Copies into {@code base} what the images of the chain of {@code top} above {@code depth} hold, makes it as large as
     * {@code top} where it is smaller, and flushes it. Afterwards {@code base} reads as {@code top}.
     *
     * @param base  the image at {@code depth} of the chain, opened once more, for writing
     * @param depth 1 for the backing image of {@code top}, 2 for that one's, and so on
     */
    public static void run(DiskImage top, DiskImage base, int depth, JobControl control) {
        if (depth < 1) {
            throw new ConfigurationException("An image can be committed to one below it, not to depth " + depth);
        }
        long size = top.info().size();
        if (base.info().size() < size) {
            base.resize(size);
        }
        MemorySegment buffer = Arena.ofAuto().allocate(CHUNK);
        long at = 0;
        while (at < size && !control.cancelled()) {
            MapExtent extent = top.map(at, size - at);
            long end = at + extent.length();
            if (extent.depth() < depth && extent.present()) {
                copy(top, base, at, end, extent.zero(), buffer);
            }
            at = end;
            control.progress(at, size);
        }
        base.flush();
    }

    private static void copy(DiskImage top, DiskImage base, long from, long to, boolean zero, MemorySegment buffer) {
        if (zero) {
            base.writeZeroes(from, to - from);
            return;
        }
        for (long at = from; at < to; at += CHUNK) {
            MemorySegment piece = buffer.asSlice(0, Math.min(CHUNK, to - at));
            top.read(at, piece);
            base.write(at, piece);
        }
    }
}
