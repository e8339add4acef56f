package dev.vz.virtio.queue;

import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One request: buffers that the device reads, then buffers that it writes, as pieces of guest memory.
 *
 * <p>
 * Reused for one chain after the other, and grown once to the longest. A buffer that runs over the border of two memory
 * regions becomes two pieces. Not thread-safe.
 */
public final class DescriptorChain {

    /** What is wrong with a buffer that was offered. */
    enum Trouble {
        NONE, NOT_MEMORY, READABLE_AFTER_WRITABLE, TOO_LONG, READ_ONLY
    }

    private static final long MAX_BYTES = 1L << 32;

    private MemoryRegion[] regions = new MemoryRegion[8];
    private long[] offsets = new long[8];
    private int[] lengths = new int[8];
    private int readable;
    private int count;
    private long readableBytes;
    private long writableBytes;
    private int id;
    private int slots;

    /** A chain to be filled in by {@link Virtqueue#next}. */
    public DescriptorChain() {}

    void begin() {
        Arrays.fill(regions, 0, count, null);
        readable = 0;
        count = 0;
        readableBytes = 0;
        writableBytes = 0;
    }

    void finish(int id, int slots) {
        this.id = id;
        this.slots = slots;
    }

    /** Adds a buffer, split at region borders. */
    Trouble append(GuestMemory memory, @Nullable MemoryRegion hint, long gpa, long length, boolean writable) {
        if (!writable && writableBytes > 0) {
            return Trouble.READABLE_AFTER_WRITABLE;
        }
        if (readableBytes + writableBytes + length > MAX_BYTES) {
            return Trouble.TOO_LONG;
        }
        long at = gpa;
        long left = length;
        MemoryRegion region = hint;
        while (left > 0) {
            if (region == null || !region.range().contains(at)) {
                region = memory.region(at);
                if (region == null) {
                    return Trouble.NOT_MEMORY;
                }
            }
            if (writable && region.readOnly()) {
                return Trouble.READ_ONLY;
            }
            long offset = at - region.guestAddress();
            // Pieces are at most 1 GiB, so that their length is an int.
            long here = Math.min(Math.min(left, region.size() - offset), 1 << 30);
            if (!region.allows(offset, here)) {
                return Trouble.NOT_MEMORY;
            }
            piece(region, offset, (int) here);
            at += here;
            left -= here;
        }
        if (writable) {
            writableBytes += length;
        } else {
            readableBytes += length;
            readable = count;
        }
        return Trouble.NONE;
    }

    private void piece(MemoryRegion region, long offset, int length) {
        if (count == lengths.length) {
            regions = Arrays.copyOf(regions, count * 2);
            offsets = Arrays.copyOf(offsets, count * 2);
            lengths = Arrays.copyOf(lengths, count * 2);
        }
        regions[count] = region;
        offsets[count] = offset;
        lengths[count] = length;
        count++;
    }

    /** The region of the last piece, where the next one probably is as well. */
    @Nullable
    MemoryRegion lastRegion() {
        return count == 0 ? null : regions[count - 1];
    }

    /** Identifies the chain to the driver: the head's index, or the buffer id of a packed queue. */
    public int id() {
        return id;
    }

    /** Ring slots that the chain takes up; 1 in a split queue. */
    public int slots() {
        return slots;
    }

    /** Number of pieces. */
    public int pieces() {
        return count;
    }

    /** Number of pieces that the device reads; they come first. */
    public int readablePieces() {
        return readable;
    }

    /** The memory that piece {@code index} lies in. */
    public MemorySegment segment(int index) {
        return regions[Objects.checkIndex(index, count)].segment();
    }

    /** Where in {@link #segment} piece {@code index} starts. */
    public long offset(int index) {
        return offsets[Objects.checkIndex(index, count)];
    }

    /** Bytes of piece {@code index}, 1 or more. */
    public int length(int index) {
        return lengths[Objects.checkIndex(index, count)];
    }

    /** Guest-physical address of piece {@code index}. */
    public long guestAddress(int index) {
        Objects.checkIndex(index, count);
        return regions[index].guestAddress() + offsets[index];
    }

    /** Bytes that the device reads. */
    public long readableBytes() {
        return readableBytes;
    }

    /** Bytes that the device may write. */
    public long writableBytes() {
        return writableBytes;
    }

    MemoryRegion region(int index) {
        return regions[Objects.checkIndex(index, count)];
    }
}
