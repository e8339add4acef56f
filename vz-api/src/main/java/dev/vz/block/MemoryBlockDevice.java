package dev.vz.block;

import dev.vz.error.ConfigurationException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A disk in memory, for tests, scratch disks and examples. Completes every request before {@code submit} returns.
 */
public final class MemoryBlockDevice implements BlockDevice {

    private final BlockInfo info;
    private final MemorySegment bytes;
    private final Runnable release;
    private final AtomicBoolean closed = new AtomicBoolean();
    /** Requests hold it for reading while they copy; close takes it for writing, so that none is cut off. */
    private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();

    private MemoryBlockDevice(BlockInfo info, MemorySegment bytes, Runnable release) {
        this.info = info;
        this.bytes = bytes;
        this.release = release;
    }

    /** A zeroed disk of {@code size} bytes outside the Java heap, released by {@link #close()}. */
    public static MemoryBlockDevice ofSize(long size) {
        if (size <= 0 || size % 512 != 0) {
            throw new ConfigurationException("A disk in memory needs a positive multiple of 512 bytes, got " + size);
        }
        Arena arena = Arena.ofShared();
        return new MemoryBlockDevice(BlockInfo.ofSize(size), arena.allocate(size), arena::close);
    }

    /** A disk over {@code bytes}, which stay the caller's. */
    public static MemoryBlockDevice over(MemorySegment bytes) {
        return new MemoryBlockDevice(BlockInfo.ofSize(bytes.byteSize()).withReadOnly(bytes.isReadOnly()), bytes,
                () -> {});
    }

    @Override
    public BlockInfo info() {
        return info;
    }

    @Override
    public void submit(BlockRequest request) {
        BlockResult result;
        try {
            result = perform(request);
        } catch (IndexOutOfBoundsException | IllegalStateException | IllegalArgumentException
                | UnsupportedOperationException | WrongThreadException unusableBuffer) {
            // A buffer that is closed, read-only or another thread's is the request's fault, and no reason to throw.
            request.fail(BlockResult.INVALID, unusableBuffer);
            return;
        }
        request.complete(result);
    }

    private BlockResult perform(BlockRequest request) {
        use.readLock().lock();
        try {
            if (closed.get()) {
                return BlockResult.CANCELLED;
            }
            BlockResult bad = request.check(info.size());
            if (bad != null) {
                return bad;
            }
            if (info.readOnly() && request.operation() != BlockRequest.Operation.READ
                    && request.operation() != BlockRequest.Operation.FLUSH) {
                return BlockResult.READ_ONLY;
            }
            switch (request.operation()) {
                case READ, WRITE -> copy(request);
                case DISCARD, WRITE_ZEROES -> bytes.asSlice(request.offset(), request.length()).fill((byte) 0);
                case FLUSH -> {
                    // Memory is as durable as it gets.
                }
            }
            return BlockResult.OK;
        } finally {
            use.readLock().unlock();
        }
    }

    private void copy(BlockRequest request) {
        long at = request.offset();
        for (int i = 0; i < request.bufferCount(); i++) {
            MemorySegment segment = request.segment(i);
            long length = request.bufferLength(i);
            if (request.operation() == BlockRequest.Operation.READ) {
                MemorySegment.copy(bytes, at, segment, request.bufferOffset(i), length);
            } else {
                MemorySegment.copy(segment, request.bufferOffset(i), bytes, at, length);
            }
            at += length;
        }
    }

    @Override
    public void close() {
        use.writeLock().lock();
        try {
            if (closed.compareAndSet(false, true)) {
                release.run();
            }
        } finally {
            use.writeLock().unlock();
        }
    }

    @Override
    public String toString() {
        return "memory disk of " + info.size() + " bytes";
    }
}
