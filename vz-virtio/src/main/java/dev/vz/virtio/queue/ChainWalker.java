package dev.vz.virtio.queue;

import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Follows descriptors into a {@link DescriptorChain} and notices every rule they break. Both kinds of queue use it for
 * indirect tables, whose descriptors are 16 bytes: address, length, then flags and next (split, 2.7.5) or buffer id and
 * flags (packed, 2.8.10).
 */
final class ChainWalker {

    static final int NEXT = 1;
    static final int WRITE = 2;
    static final int INDIRECT = 4;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final GuestMemory memory;
    private final int maxDescriptors;
    private @Nullable String fault;

    /**
     * A walker through tables of up to {@code maxDescriptors}: as many as the device offered for a queue, not as many as the
     * driver chose, because Linux sizes its tables by the device's limits (a disk's seg_max) whatever its queue's size is.
     */
    ChainWalker(GuestMemory memory, int maxDescriptors) {
        this.memory = memory;
        this.maxDescriptors = maxDescriptors;
    }

    @Nullable
    String fault() {
        return fault;
    }

    boolean fail(String why) {
        if (fault == null) {
            fault = why;
        }
        return false;
    }

    /** Appends one buffer. */
    boolean append(DescriptorChain chain, long address, long length, boolean writable) {
        return switch (chain.append(memory, chain.lastRegion(), address, length, writable)) {
            case NONE -> true;
            case NOT_MEMORY -> fail(String.format("buffer 0x%x of %d bytes is not guest memory", address, length));
            case READ_ONLY -> fail(String.format("writable buffer 0x%x lies in read-only memory", address));
            case READABLE_AFTER_WRITABLE -> fail(String.format("readable buffer 0x%x after a writable one", address));
            case TOO_LONG -> fail("chain is longer than 2^32 bytes");
        };
    }

    /** Appends every buffer of an indirect table of a split queue. */
    boolean indirectSplit(DescriptorChain chain, long table, long bytes) {
        int entries = tableEntries(bytes);
        if (entries < 0) {
            return false;
        }
        int index = 0;
        for (int taken = 0;; taken++) {
            if (taken == entries) {
                return fail("indirect table loops");
            }
            long at = table + 16L * index;
            MemoryRegion region = entryRegion(at);
            if (region == null) {
                return fail(String.format("indirect table 0x%x of %d bytes is not guest memory", table, bytes));
            }
            long offset = at - region.guestAddress();
            long address = region.segment().get(LONG, offset);
            // Length, flags and next in one load: each field is read once (2.7.7 lets the driver share nothing else).
            long rest = region.segment().get(LONG, offset + 8);
            int flags = (int) (rest >>> 32) & 0xFFFF;
            if ((flags & INDIRECT) != 0) {
                return fail("indirect descriptor within an indirect table");
            }
            if (!append(chain, address, rest & 0xFFFF_FFFFL, (flags & WRITE) != 0)) {
                return false;
            }
            if ((flags & NEXT) == 0) {
                return true;
            }
            index = (int) (rest >>> 48);
            if (index >= entries) {
                return fail("next " + index + " is outside an indirect table of " + entries);
            }
        }
    }

    /** Appends every buffer of an indirect table of a packed queue: all of its entries, in order. */
    boolean indirectPacked(DescriptorChain chain, long table, long bytes) {
        int entries = tableEntries(bytes);
        if (entries < 0) {
            return false;
        }
        for (int i = 0; i < entries; i++) {
            long at = table + 16L * i;
            MemoryRegion region = entryRegion(at);
            if (region == null) {
                return fail(String.format("indirect table 0x%x of %d bytes is not guest memory", table, bytes));
            }
            long offset = at - region.guestAddress();
            long address = region.segment().get(LONG, offset);
            long rest = region.segment().get(LONG, offset + 8);
            int flags = (int) (rest >>> 48);
            if ((flags & INDIRECT) != 0) {
                return fail("indirect descriptor within an indirect table");
            }
            if (!append(chain, address, rest & 0xFFFF_FFFFL, (flags & WRITE) != 0)) {
                return false;
            }
        }
        return true;
    }

    private int tableEntries(long bytes) {
        if (bytes == 0 || bytes % 16 != 0) {
            fail("indirect table of " + bytes + " bytes: not a positive multiple of 16");
            return -1;
        }
        long entries = bytes / 16;
        if (entries > maxDescriptors) {
            fail("indirect table of " + entries + " entries; the device offered queues of " + maxDescriptors);
            return -1;
        }
        return (int) entries;
    }

    private @Nullable MemoryRegion entryRegion(long at) {
        MemoryRegion region = memory.region(at);
        return region != null && region.size() - (at - region.guestAddress()) >= 16
                && region.allows(at - region.guestAddress(), 16) ? region : null;
    }
}
