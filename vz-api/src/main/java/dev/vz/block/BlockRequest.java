package dev.vz.block;

import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One operation on a {@link BlockDevice}: reusable, so that a queue of requests allocates nothing in steady state.
 *
 * <p>
 * The submitter prepares it, submits it, and must not touch it or its buffers until the completion callback runs; then
 * it may be prepared again. Offsets and lengths are bytes. Buffers are a scatter-gather list, in order; each is a range of a
 * segment, so that a part of guest memory can be named without an object for it.
 */
public final class BlockRequest {

    /** What to do. */
    public enum Operation {
        /** Fill the buffers from the device. */
        READ,
        /** Put the buffers on the device. */
        WRITE,
        /** Make everything that completed before durable. */
        FLUSH,
        /** The range's content is no longer needed; it may read as zeros or as before. */
        DISCARD,
        /** The range reads as zeros from now on. */
        WRITE_ZEROES
    }

    /** {@link Operation#WRITE} and {@link Operation#WRITE_ZEROES}: durable when completed (force unit access). */
    public static final int FUA = 1;
    /** {@link Operation#WRITE_ZEROES}: the space may be given back. */
    public static final int MAY_UNMAP = 2;
    /** {@link Operation#WRITE_ZEROES}: fail rather than write zeros slowly. */
    public static final int FAST_ONLY = 4;

    private Operation operation = Operation.FLUSH;
    private long offset;
    private long length;
    private int flags;
    private MemorySegment[] segments = new MemorySegment[4];
    private long[] offsets = new long[4];
    private long[] lengths = new long[4];
    private int bufferCount;
    private BlockCompletion completion = (request, result) -> {};
    private @Nullable Object attachment;
    private @Nullable Throwable cause;
    /** For the device that holds the request: a link in its own queue. Not for submitters. */
    public @Nullable BlockRequest next;
    /** For the device that holds the request: a number of its own. Not for submitters. */
    public long tag;

    /** An empty request, to be prepared. */
    public BlockRequest() {}

    /** Prepares it without buffers; {@link #addBuffer} follows for reads and writes. */
    public BlockRequest prepare(Operation operation, long offset, long length, int flags) {
        this.operation = Objects.requireNonNull(operation);
        this.offset = offset;
        this.length = length;
        this.flags = flags;
        Arrays.fill(segments, 0, bufferCount, null);
        bufferCount = 0;
        cause = null;
        return this;
    }

    /** Adds a whole segment to the scatter-gather list of a read or write. */
    public BlockRequest addBuffer(MemorySegment buffer) {
        return addBuffer(buffer, 0, buffer.byteSize());
    }

    /**
     * Adds {@code length} bytes of {@code segment} from {@code offset} on to the scatter-gather list of a read or write.
     *
     * @throws IndexOutOfBoundsException if the segment does not have them
     */
    public BlockRequest addBuffer(MemorySegment segment, long offset, long length) {
        Objects.checkFromIndexSize(offset, length, segment.byteSize());
        if (bufferCount == segments.length) {
            segments = Arrays.copyOf(segments, bufferCount * 2);
            offsets = Arrays.copyOf(offsets, bufferCount * 2);
            lengths = Arrays.copyOf(lengths, bufferCount * 2);
        }
        segments[bufferCount] = segment;
        offsets[bufferCount] = offset;
        lengths[bufferCount++] = length;
        return this;
    }

    /** Adds the buffers of {@code other} to its own. */
    public BlockRequest addBuffers(BlockRequest other) {
        for (int i = 0; i < other.bufferCount; i++) {
            addBuffer(other.segments[i], other.offsets[i], other.lengths[i]);
        }
        return this;
    }

    /** Sets who is told when it is done. */
    public BlockRequest onCompletion(BlockCompletion completion) {
        this.completion = Objects.requireNonNull(completion);
        return this;
    }

    /** What the submitter hangs on it. */
    public @Nullable Object attachment() {
        return attachment;
    }

    /** Hangs something on it. */
    public BlockRequest attach(@Nullable Object attachment) {
        this.attachment = attachment;
        return this;
    }

    /** What to do. */
    public Operation operation() {
        return operation;
    }

    /** First byte on the device. */
    public long offset() {
        return offset;
    }

    /** Number of bytes; for reads and writes also the sum of the buffers' sizes. */
    public long length() {
        return length;
    }

    /** A combination of {@link #FUA}, {@link #MAY_UNMAP} and {@link #FAST_ONLY}. */
    public int flags() {
        return flags;
    }

    /** Whether all bits of {@code flag} are set. */
    public boolean has(int flag) {
        return (flags & flag) == flag;
    }

    /** Number of buffers in the scatter-gather list. */
    public int bufferCount() {
        return bufferCount;
    }

    /** The segment that buffer {@code index} is a range of: see {@link #bufferOffset} and {@link #bufferLength}. */
    public MemorySegment segment(int index) {
        return segments[Objects.checkIndex(index, bufferCount)];
    }

    /** Where in its {@link #segment} buffer {@code index} starts. */
    public long bufferOffset(int index) {
        return offsets[Objects.checkIndex(index, bufferCount)];
    }

    /** Number of bytes of buffer {@code index}. */
    public long bufferLength(int index) {
        return lengths[Objects.checkIndex(index, bufferCount)];
    }

    /** Buffer {@code index} as a segment of its own, which is made if the buffer is not a whole segment already. */
    public MemorySegment buffer(int index) {
        MemorySegment segment = segment(index);
        return lengths[index] == segment.byteSize() ? segment : segment.asSlice(offsets[index], lengths[index]);
    }

    /** The sum of the buffers' sizes, in bytes. */
    public long bufferBytes() {
        long sum = 0;
        for (int i = 0; i < bufferCount; i++) {
            sum += lengths[i];
        }
        return sum;
    }

    /**
     * Whether the range lies on a device of {@code size} bytes and the buffers are as long as the range.
     *
     * @return {@code null} if so, else the result to complete it with
     */
    public @Nullable BlockResult check(long size) {
        if (operation == Operation.FLUSH) {
            return null;
        }
        if (offset < 0 || length < 0 || offset > size || length > size - offset) {
            return BlockResult.OUT_OF_RANGE;
        }
        boolean data = operation == Operation.READ || operation == Operation.WRITE;
        return data && bufferBytes() != length ? BlockResult.INVALID : null;
    }

    /** Why it failed, for messages and logs; {@code null} if it did not fail or nothing more is known. */
    public @Nullable Throwable cause() {
        return cause;
    }

    /** Completes it. Called by the device, exactly once for each submission. */
    public void complete(BlockResult result) {
        completion.completed(this, result);
    }

    /** Completes it as failed because of {@code cause}. Called by the device. */
    public void fail(BlockResult result, Throwable cause) {
        if (result == BlockResult.OK) {
            throw new ConfigurationException("A request cannot fail with OK");
        }
        this.cause = cause;
        completion.completed(this, result);
    }

    @Override
    public String toString() {
        return operation + " [" + offset + ", +" + length + ")";
    }
}
