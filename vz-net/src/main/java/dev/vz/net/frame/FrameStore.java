package dev.vz.net.frame;

import dev.vz.error.ConfigurationException;
import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Copies of frames, each named by a handle. A small frame takes a slot of 2 KiB, a large one a slot of 64 KiB and a little;
 * slots are allocated as they are needed, up to a budget, and reused from then on without allocating.
 */
public final class FrameStore {

    /** Bytes of a slot for small frames, the header included. */
    public static final int SMALL = 2048;
    /** Bytes of a slot for large frames: 64 KiB of IP packet, Ethernet header, two tags, virtio header, rounded up. */
    public static final int LARGE = 65536 + 128;

    private static final int SMALL_SLOTS_AT_ONCE = 64;

    private final long budget;
    private long allocated;
    private final List<MemorySegment> segments = new ArrayList<>();
    private long[] offsets = new long[SMALL_SLOTS_AT_ONCE];
    private int[] lengths = new int[SMALL_SLOTS_AT_ONCE];
    private boolean[] large = new boolean[SMALL_SLOTS_AT_ONCE];
    private int[] freeSmall = new int[SMALL_SLOTS_AT_ONCE];
    private int[] freeLarge = new int[SMALL_SLOTS_AT_ONCE];
    private int freeSmallCount;
    private int freeLargeCount;
    private int slots;
    private int used;

    /**
     * An empty store.
     *
     * @param budget bytes of slots that it allocates at most
     */
    public FrameStore(long budget) {
        if (budget < SMALL_SLOTS_AT_ONCE * SMALL + LARGE) {
            throw new ConfigurationException("A store of frames needs at least "
                    + (SMALL_SLOTS_AT_ONCE * SMALL + LARGE) + " bytes, not " + budget);
        }
        this.budget = budget;
    }

    /** Copies frame {@code index} of {@code batch}, header included. Returns its handle, or -1 if there is no room. */
    public int put(FrameBatch batch, int index) {
        return put(batch.segment(index), batch.headerOffset(index), batch.length(index));
    }

    /** Copies {@code length} bytes of header and frame. Returns their handle, or -1 if there is no room. */
    public int put(MemorySegment segment, long offset, int length) {
        int handle = length <= SMALL ? takeSmall() : length <= LARGE ? takeLarge() : -1;
        if (handle >= 0) {
            MemorySegment.copy(segment, offset, segments.get(handle), offsets[handle], length);
            lengths[handle] = length;
            used++;
        }
        return handle;
    }

    /** Where the frame's bytes are. */
    public MemorySegment segment(int handle) {
        return segments.get(handle);
    }

    /** Where in {@link #segment} its header starts. */
    public long offset(int handle) {
        return offsets[handle];
    }

    /** Bytes of its header and the frame together. */
    public int length(int handle) {
        return lengths[handle];
    }

    /** Bytes of the Ethernet frame alone. */
    public int frameLength(int handle) {
        return lengths[handle] - VnetHeader.SIZE;
    }

    /** Gives the slot back. */
    public void free(int handle) {
        used--;
        if (large[handle]) {
            freeLarge[freeLargeCount++] = handle;
        } else {
            freeSmall[freeSmallCount++] = handle;
        }
    }

    /** How many frames it holds. */
    public int used() {
        return used;
    }

    /** Bytes of slots allocated so far; never more than the budget. */
    public long allocated() {
        return allocated;
    }

    private int takeSmall() {
        if (freeSmallCount == 0 && !allocateSmall()) {
            return takeLarge();
        }
        return freeSmall[--freeSmallCount];
    }

    private int takeLarge() {
        if (freeLargeCount == 0 && !allocateLarge()) {
            return -1;
        }
        return freeLarge[--freeLargeCount];
    }

    private boolean allocateSmall() {
        long bytes = (long) SMALL_SLOTS_AT_ONCE * SMALL;
        if (allocated + bytes > budget) {
            return false;
        }
        // Freed with this store; a shared arena would have to be closed, at a cost to every thread.
        MemorySegment block = Arena.ofAuto().allocate(bytes, 64);
        allocated += bytes;
        for (int i = 0; i < SMALL_SLOTS_AT_ONCE; i++) {
            // Apart: adding a slot may replace the array.
            int slot = addSlot(block, (long) i * SMALL, false);
            freeSmall[freeSmallCount++] = slot;
        }
        return true;
    }

    private boolean allocateLarge() {
        if (allocated + LARGE > budget) {
            return false;
        }
        allocated += LARGE;
        int slot = addSlot(Arena.ofAuto().allocate(LARGE, 64), 0, true);
        freeLarge[freeLargeCount++] = slot;
        return true;
    }

    private int addSlot(MemorySegment block, long offset, boolean isLarge) {
        if (slots == offsets.length) {
            int size = slots * 2;
            offsets = Arrays.copyOf(offsets, size);
            lengths = Arrays.copyOf(lengths, size);
            large = Arrays.copyOf(large, size);
            freeSmall = Arrays.copyOf(freeSmall, size);
            freeLarge = Arrays.copyOf(freeLarge, size);
        }
        segments.add(block);
        offsets[slots] = offset;
        large[slots] = isLarge;
        return slots++;
    }
}
