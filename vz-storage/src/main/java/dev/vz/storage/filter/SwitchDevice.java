package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import java.util.ArrayDeque;
import java.util.function.Supplier;

/**
 * A disk that can be exchanged for another one while it is in use: requests wait for the moment that it takes. Thread-safe.
 * Closing closes the disk that is there then; one that has been exchanged is its owner's.
 */
public final class SwitchDevice implements BlockDevice {

    private final Object lock = new Object();
    private final ArrayDeque<BlockRequest> held = new ArrayDeque<>();
    private final ChildRequest.Pool children = new ChildRequest.Pool(this::done);
    private volatile BlockDevice current;
    private int inFlight;
    private boolean holding;

    /** Begins with {@code first}. */
    public SwitchDevice(BlockDevice first) {
        current = first;
    }

    /** The disk that is there now. */
    public BlockDevice current() {
        return current;
    }

    @Override
    public BlockInfo info() {
        return current.info();
    }

    @Override
    public BlockExtent status(long offset, long length) {
        return current.status(offset, length);
    }

    @Override
    public void submit(BlockRequest request) {
        synchronized (lock) {
            if (holding) {
                held.add(request);
                return;
            }
            inFlight++;
        }
        current.submit(children.take(request).like(request, request.offset()));
    }

    private void done(ChildRequest child, BlockResult result) {
        synchronized (lock) {
            if (--inFlight == 0) {
                lock.notifyAll();
            }
        }
        child.end(result);
    }

    /**
     * Lets nothing new through, waits for what is under way, and goes on with the disk that {@code next} gives; with the
     * old one if it throws. Not for a thread that completes requests.
     *
     * @throws ConfigurationException if the new disk is smaller
     */
    public void exchange(Supplier<BlockDevice> next) {
        quiesce();
        try {
            BlockDevice chosen = next.get();
            if (chosen.info().size() < current.info().size()) {
                throw new ConfigurationException("A disk of " + current.info().size()
                        + " bytes cannot be exchanged for one of " + chosen.info().size());
            }
            current = chosen;
        } finally {
            release();
        }
    }

    private void quiesce() {
        boolean interrupted = false;
        synchronized (lock) {
            while (holding) {
                interrupted |= waitOnce();
            }
            holding = true;
            while (inFlight > 0) {
                interrupted |= waitOnce();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @SuppressWarnings("WaitNotInLoop") // the loops are its callers'
    private boolean waitOnce() {
        try {
            lock.wait();
            return false;
        } catch (InterruptedException later) {
            return true;
        }
    }

    private void release() {
        while (true) {
            BlockRequest request;
            synchronized (lock) {
                request = held.poll();
                if (request == null) {
                    holding = false;
                    lock.notifyAll();
                    return;
                }
                inFlight++;
            }
            current.submit(children.take(request).like(request, request.offset()));
        }
    }

    @Override
    public void close() {
        current.close();
    }

    @Override
    public String toString() {
        return current.toString();
    }
}
