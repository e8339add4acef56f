package dev.vz.link;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Up to 64 frames on their way, each one contiguous: a {@link VnetHeader}, then the Ethernet frame without its checksum.
 *
 * <p>
 * A batch refers to bytes that somebody else owns; they are valid for the length of the call that passes the batch, and
 * whoever wants to keep a frame copies it. Reused, never shared between threads.
 */
public final class FrameBatch {

    /** The most frames in a batch. */
    public static final int CAPACITY = 64;

    private final @Nullable MemorySegment[] segments = new MemorySegment[CAPACITY];
    private final long[] offsets = new long[CAPACITY];
    private final int[] lengths = new int[CAPACITY];
    private int count;

    /** An empty batch. */
    public FrameBatch() {}

    /** Number of frames. */
    public int count() {
        return count;
    }

    /** Whether no more fit. */
    public boolean isFull() {
        return count == CAPACITY;
    }

    /** Takes all frames out. */
    public void clear() {
        Arrays.fill(segments, 0, count, null);
        count = 0;
    }

    /**
     * Adds a frame.
     *
     * @param segment where it is
     * @param offset  where its {@link VnetHeader} starts
     * @param length  bytes of header and frame together
     * @return {@code false} if the batch is full
     */
    public boolean add(MemorySegment segment, long offset, int length) {
        Objects.checkFromIndexSize(offset, length, segment.byteSize());
        Objects.checkIndex(VnetHeader.SIZE, length + 1);
        if (count == CAPACITY) {
            return false;
        }
        segments[count] = segment;
        offsets[count] = offset;
        lengths[count] = length;
        count++;
        return true;
    }

    /** Adds frame {@code index} of {@code other}. */
    public boolean add(FrameBatch other, int index) {
        return add(other.segment(index), other.headerOffset(index), other.length(index));
    }

    /** Where frame {@code index} is. */
    public MemorySegment segment(int index) {
        return Objects.requireNonNull(segments[Objects.checkIndex(index, count)]);
    }

    /** Where in {@link #segment} the header of frame {@code index} starts. */
    public long headerOffset(int index) {
        return offsets[Objects.checkIndex(index, count)];
    }

    /** Where in {@link #segment} the Ethernet frame {@code index} starts. */
    public long frameOffset(int index) {
        return offsets[Objects.checkIndex(index, count)] + VnetHeader.SIZE;
    }

    /** Bytes of header and frame {@code index} together. */
    public int length(int index) {
        return lengths[Objects.checkIndex(index, count)];
    }

    /** Bytes of the Ethernet frame {@code index}. */
    public int frameLength(int index) {
        return lengths[Objects.checkIndex(index, count)] - VnetHeader.SIZE;
    }
}
