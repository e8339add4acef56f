package dev.vz.block;

import dev.vz.block.BlockRequest.Operation;
import dev.vz.error.HostException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * A disk: bytes that can be read, written and made durable.
 *
 * <p>
 * Requests are submitted from any thread, several at a time, and complete by callback in any order. Two requests whose
 * ranges overlap while both are in flight have no order. A write is durable only after a flush that was submitted after
 * its completion has completed, or if it carried {@link BlockRequest#FUA}. Submitting never blocks for the host's disk
 * where the implementation can avoid it, and never throws for what the request says: a bad request completes with a bad
 * result.
 */
public interface BlockDevice extends AutoCloseable {

    /** What it is like. The size changes only on a {@link Resizable}. */
    BlockInfo info();

    /** Takes a request; its completion runs exactly once. After {@link #close()} it is {@link BlockResult#CANCELLED}. */
    void submit(BlockRequest request);

    /**
     * Tells how the bytes from {@code offset} are held: the first extent, which starts at {@code offset} and ends at
     * {@code offset + length} at the latest. Blocks.
     */
    default BlockExtent status(long offset, long length) {
        return new BlockExtent(offset, length, true, false);
    }

    /** Completes what is in flight, flushes, and releases everything. Idempotent. */
    @Override
    void close();

    /** Reads {@code target.byteSize()} bytes from {@code offset} and waits for them. */
    default void read(long offset, MemorySegment target) {
        await(new BlockRequest().prepare(Operation.READ, offset, target.byteSize(), 0).addBuffer(target));
    }

    /** Writes all of {@code source} at {@code offset} and waits. */
    default void write(long offset, MemorySegment source) {
        await(new BlockRequest().prepare(Operation.WRITE, offset, source.byteSize(), 0).addBuffer(source));
    }

    /** Makes all completed writes durable and waits. */
    default void flush() {
        await(new BlockRequest().prepare(Operation.FLUSH, 0, 0, 0));
    }

    /** Says that a range's content is no longer needed, and waits. */
    default void discard(long offset, long length) {
        await(new BlockRequest().prepare(Operation.DISCARD, offset, length, 0));
    }

    /** Makes a range read as zeros and waits; the space may be given back. */
    default void writeZeroes(long offset, long length) {
        await(new BlockRequest().prepare(Operation.WRITE_ZEROES, offset, length, BlockRequest.MAY_UNMAP));
    }

    /**
     * Submits {@code request} and waits for it; its completion is replaced.
     *
     * @throws BlockException if it does not end {@link BlockResult#OK}
     */
    default void await(BlockRequest request) {
        var done = new CountDownLatch(1);
        var result = new BlockResult[1];
        submit(request.onCompletion((completed, outcome) -> {
            result[0] = outcome;
            done.countDown();
        }));
        boolean interrupted = false;
        while (true) {
            try {
                // The buffers are in use until it completes, so an interrupt cannot cut the wait short.
                done.await();
                break;
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (result[0] != BlockResult.OK) {
            throw new BlockException(request, result[0]);
        }
    }

    /** A device whose size can change. */
    interface Resizable extends BlockDevice {
        /** Makes it {@code size} bytes; new bytes read as zeros, bytes beyond are lost. Blocks. */
        void resize(long size);

        /** Runs {@code listener} after each change of {@link BlockInfo#size()}; {@code null} for none. */
        void onResize(@Nullable Runnable listener);
    }

    /** A blocking call failed. */
    final class BlockException extends HostException {
        private static final long serialVersionUID = 1L;
        private final BlockResult result;

        BlockException(BlockRequest request, BlockResult result) {
            super("block request " + request, "a block device", request.cause() != null ? request.cause()
                    : new IllegalStateException(result.name()));
            this.result = result;
        }

        /** How the request ended. */
        public BlockResult result() {
            return result;
        }
    }
}
