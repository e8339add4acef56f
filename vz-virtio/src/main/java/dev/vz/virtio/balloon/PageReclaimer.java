package dev.vz.virtio.balloon;

import dev.vz.error.VzException;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.virtio.device.Counter;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Gives pages of the guest back to the host, in runs as long as they come. Addresses are the guest's word: what is not
 * memory, not whole pages, or cannot be given back stays as it is. Used by one queue.
 */
final class PageReclaimer {

    private static final Logger LOG = System.getLogger(PageReclaimer.class.getName());
    private static final long PAGE = 4096;

    private final GuestMemory memory;
    private final AtomicBoolean warned = new AtomicBoolean();
    private long runStart;
    private long runLength;
    final Counter reclaimedBytes = new Counter();

    PageReclaimer(GuestMemory memory) {
        this.memory = memory;
    }

    /** Takes note of {@code length} bytes at {@code gpa}; they are given back with their neighbours. */
    void add(long gpa, long length) {
        if (runLength > 0 && gpa == runStart + runLength) {
            runLength += length;
        } else if (runLength > 0 && gpa + length == runStart) {
            runStart = gpa;
            runLength += length;
        } else {
            flush();
            runStart = gpa;
            runLength = length;
        }
    }

    /** Gives back what was noted. */
    void flush() {
        long at = runStart;
        long end = runStart + runLength;
        runLength = 0;
        while (Long.compareUnsigned(at, end) < 0) {
            MemoryRegion region = memory.region(at);
            if (region == null) {
                return;
            }
            long offset = at - region.guestAddress();
            long here = Math.min(end - at, region.size() - offset);
            give(region, offset, here);
            at += here;
        }
    }

    private void give(MemoryRegion region, long offset, long length) {
        if (!(region.block() instanceof MemoryBlock.Reclaimable block)) {
            return;
        }
        long unit = Math.max(PAGE, block.request().pageSize());
        long first = Math.ceilDiv(region.blockOffset() + offset, unit) * unit;
        long end = (region.blockOffset() + offset + length) / unit * unit;
        if (first >= end) {
            return;
        }
        try {
            block.reclaim(first, end - first);
            reclaimedBytes.add(end - first);
        } catch (VzException failure) {
            // The guest has lost the page either way; only the host's gain is missing.
            Level level = warned.getAndSet(true) ? Level.DEBUG : Level.WARNING;
            LOG.log(level, "Pages of a balloon cannot be given back to the host", failure);
        }
    }
}
