package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.VzException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * Keeps blocks of a device in memory.
 *
 * <p>
 * What is in the cache completes on the submitting thread, without allocating; what has to wait for the device below is
 * done by the cache's threads. Once a flush, or a write with {@link BlockRequest#FUA}, has completed, what it covers is
 * durable below, except in the mode that says otherwise. A line that cannot be written out stays, and its flush fails.
 * Thread-safe.
 */
public final class CacheDevice extends FilterDevice {

    /** Lines that one request may touch on the way without waiting. */
    private static final int FAST_LINES = 16;
    private static final int STREAK = 2;

    private final CacheOptions options;
    private final CacheLines lines;
    private final long lineSize;
    private final @Nullable ExecutorService threads;
    private final Executor slow;
    private final ThreadLocal<int[]> slots = ThreadLocal.withInitial(() -> new int[FAST_LINES]);
    private final AtomicLong nextExpected = new AtomicLong(-1);
    private final AtomicLong streak = new AtomicLong();
    private final Phaser underWay = new Phaser(1);
    /** What brings lines in holds it for reading; what changes the device below past them, for writing. */
    private final ReentrantReadWriteLock gate = new ReentrantReadWriteLock();
    private volatile boolean closed;

    /** Over {@code below}, whose size does not change while the cache is there. */
    public CacheDevice(BlockDevice below, CacheOptions options) {
        super(below);
        this.options = options;
        this.lines = new CacheLines(below, options);
        this.lineSize = options.lineSize();
        if (options.threads() == 0) {
            threads = null;
            slow = Runnable::run;
        } else {
            ExecutorService pool = Executors.newFixedThreadPool(options.threads(),
                    task -> Thread.ofPlatform().name("vz-cache").daemon().unstarted(task));
            threads = pool;
            slow = pool;
        }
    }

    /** Lines that were found. */
    public long hits() {
        return lines.hits();
    }

    /** Lines that had to be brought in. */
    public long misses() {
        return lines.misses();
    }

    @Override
    public void submit(BlockRequest request) {
        if (closed) {
            request.complete(BlockResult.CANCELLED);
            return;
        }
        BlockResult bad = request.check(info().size());
        if (bad == null && info().readOnly() && request.operation() != Operation.READ
                && request.operation() != Operation.FLUSH) {
            bad = BlockResult.READ_ONLY;
        }
        if (bad != null) {
            request.complete(bad);
            return;
        }
        if (options.mode() == CacheOptions.Mode.NONE) {
            super.submit(request);
            return;
        }
        boolean data = request.operation() == Operation.READ || request.operation() == Operation.WRITE;
        if (data && request.length() == 0) {
            request.complete(BlockResult.OK);
        } else if (data && fast(request)) {
            request.complete(BlockResult.OK);
        } else {
            underWay.register();
            slow.execute(() -> perform(request));
        }
    }

    /** Whether a write has to reach the device below before it completes. */
    private boolean through(BlockRequest request) {
        return request.operation() == Operation.WRITE && (options.mode() == CacheOptions.Mode.WRITETHROUGH
                || durable(request));
    }

    private boolean durable(BlockRequest request) {
        return options.mode() == CacheOptions.Mode.WRITEBACK && request.has(BlockRequest.FUA);
    }

    private boolean fast(BlockRequest request) {
        long first = request.offset() / lineSize;
        long last = (request.offset() + request.length() - 1) / lineSize;
        if (last - first >= FAST_LINES || through(request)) {
            return false;
        }
        int[] pinned = slots.get();
        if (!lines.tryPin(first, last, pinned)) {
            return false;
        }
        boolean write = request.operation() == Operation.WRITE;
        for (long key = first; key <= last; key++) {
            int slot = pinned[(int) (key - first)];
            try {
                copy(request, key, slot);
            } finally {
                lines.unpin(slot, write);
            }
        }
        return true;
    }

    /** Copies the part of a request that is in the block {@code key} between its buffers and the line. */
    private void copy(BlockRequest request, long key, int slot) {
        long start = Math.max(request.offset(), key * lineSize);
        long end = Math.min(request.offset() + request.length(), (key + 1) * lineSize);
        long line = lines.offset(slot) + start - key * lineSize;
        long skip = start - request.offset();
        long left = end - start;
        for (int i = 0; i < request.bufferCount() && left > 0; i++) {
            long length = request.bufferLength(i);
            if (skip >= length) {
                skip -= length;
                continue;
            }
            long here = Math.min(left, length - skip);
            long within = request.bufferOffset(i) + skip;
            if (request.operation() == Operation.READ) {
                MemorySegment.copy(lines.memory(), line, request.segment(i), within, here);
            } else {
                MemorySegment.copy(request.segment(i), within, lines.memory(), line, here);
            }
            line += here;
            left -= here;
            skip = 0;
        }
    }

    private void perform(BlockRequest request) {
        BlockResult result = BlockResult.OK;
        Throwable cause = null;
        boolean alone = request.operation() == Operation.DISCARD || request.operation() == Operation.WRITE_ZEROES;
        Lock held = alone ? gate.writeLock() : gate.readLock();
        held.lock();
        try {
            switch (request.operation()) {
                case READ -> read(request);
                case WRITE -> write(request);
                case FLUSH -> flushAll();
                case DISCARD, WRITE_ZEROES -> around(request);
            }
        } catch (BlockException failed) {
            result = failed.result();
            cause = failed;
        } catch (VzException failure) {
            result = BlockResult.IO_ERROR;
            cause = failure;
        } catch (IndexOutOfBoundsException | IllegalStateException | IllegalArgumentException
                | UnsupportedOperationException | WrongThreadException unusableBuffer) {
            result = BlockResult.INVALID;
            cause = unusableBuffer;
        } finally {
            held.unlock();
            underWay.arriveAndDeregister();
        }
        if (cause == null) {
            request.complete(result);
        } else {
            request.fail(result, cause);
        }
    }

    private void read(BlockRequest request) {
        long first = request.offset() / lineSize;
        long last = (request.offset() + request.length() - 1) / lineSize;
        for (long key = first; key <= last; key++) {
            int slot = lines.pin(key, false);
            try {
                copy(request, key, slot);
            } finally {
                lines.unpin(slot, false);
            }
        }
        readAhead(first, last);
    }

    private void readAhead(long first, long last) {
        if (options.readAhead() == 0) {
            return;
        }
        if (nextExpected.getAndSet(last + 1) != first) {
            streak.set(0);
        } else if (streak.incrementAndGet() >= STREAK) {
            long end = (info().size() - 1) / lineSize;
            long until = Math.min(end, last + options.readAhead());
            nextExpected.set(until + 1); // the next miss comes after what is read now
            underWay.register();
            slow.execute(() -> bringIn(last + 1, until));
        }
    }

    private void bringIn(long first, long last) {
        gate.readLock().lock();
        try {
            for (long key = first; key <= last; key++) {
                if (!lines.holds(key)) {
                    lines.unpin(lines.pin(key, false), false);
                }
            }
        } catch (VzException later) {
            // Whoever really wants these blocks meets the error by itself.
            System.getLogger(CacheDevice.class.getName()).log(System.Logger.Level.DEBUG, "reading ahead failed", later);
        } finally {
            gate.readLock().unlock();
            underWay.arriveAndDeregister();
        }
    }

    private void write(BlockRequest request) {
        boolean through = options.mode() == CacheOptions.Mode.WRITETHROUGH;
        if (through) {
            // The lines keep the old content until the device below has the new one, then they take it over.
            below().await(copyOf(request));
        }
        long first = request.offset() / lineSize;
        long last = (request.offset() + request.length() - 1) / lineSize;
        for (long key = first; key <= last; key++) {
            boolean whole = request.offset() <= key * lineSize
                    && request.offset() + request.length() >= Math.min((key + 1) * lineSize, info().size());
            if (through && !lines.holds(key)) {
                continue;
            }
            int slot = lines.pin(key, whole);
            boolean copied = false;
            try {
                copy(request, key, slot);
                copied = true;
            } finally {
                if (copied || !whole) {
                    lines.unpin(slot, copied && !through);
                } else {
                    lines.discardPinned(slot);
                }
            }
        }
        if (durable(request)) {
            // Through the line and not past it: an older dirty line could otherwise be written over the new data.
            lines.writeBack(first, last, false);
            below().flush();
        }
    }

    private static BlockRequest copyOf(BlockRequest request) {
        return new BlockRequest().prepare(request.operation(), request.offset(), request.length(),
                request.flags() | BlockRequest.FUA).addBuffers(request);
    }

    private void flushAll() {
        if (options.mode() != CacheOptions.Mode.UNSAFE) {
            lines.writeBack(0, Long.MAX_VALUE, false);
            below().flush();
        }
    }

    /**
     * A discard or zeroing goes to the device below; lines that it touches are written out and forgotten first, and none is
     * brought in meanwhile: it could hold the old content beside somebody's new bytes.
     */
    private void around(BlockRequest request) {
        if (request.length() == 0) {
            return;
        }
        long first = request.offset() / lineSize;
        long last = (request.offset() + request.length() - 1) / lineSize;
        lines.writeBack(first, last, true);
        int durable = options.mode() == CacheOptions.Mode.WRITETHROUGH
                && request.operation() == Operation.WRITE_ZEROES ? BlockRequest.FUA : 0;
        below().await(new BlockRequest().prepare(request.operation(), request.offset(), request.length(),
                request.flags() | durable));
    }

    @Override
    public BlockExtent status(long offset, long length) {
        if (options.mode() == CacheOptions.Mode.WRITEBACK || options.mode() == CacheOptions.Mode.UNSAFE) {
            lines.writeBack(offset / lineSize, (offset + length - 1) / lineSize, false);
        }
        return super.status(offset, length);
    }

    /** Waits for what is under way, writes everything out, flushes, and closes the device below. */
    @Override
    public void close() {
        synchronized (lines) {
            if (closed) {
                return;
            }
            closed = true;
        }
        underWay.arriveAndAwaitAdvance();
        try {
            if (!info().readOnly()) {
                lines.writeBack(0, Long.MAX_VALUE, false);
                below().flush();
            }
        } finally {
            if (threads != null) {
                threads.shutdown();
            }
            super.close();
        }
    }
}
