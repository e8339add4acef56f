package dev.vz.hypervisor;

import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.MemoryRegion;

/**
 * A machine that knows which pages were written, by the guest and by the host. Any thread; vCPUs may run meanwhile.
 */
public interface DirtyTracking {

    /** Starts tracking every region, with nothing marked. */
    void startDirtyTracking();

    /**
     * Adds to {@code into} every page of {@code region} that was written since tracking started or since the last call,
     * and forgets it. Guest writes through the back end and host writes through
     * {@link dev.vz.memory.GuestMemory} are both in it.
     *
     * @param into a bitmap over {@link MemoryRegion#size()} bytes
     */
    void collectDirty(MemoryRegion region, DirtyBitmap into);

    /** Stops tracking and forgets the marks. */
    void stopDirtyTracking();
}
