package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockExtent;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * A disk that can be exchanged for another one while it is in use: requests wait for the moment that it takes. Thread-safe.
 * Closing closes the disk that is there then; one that has been exchanged is its owner's.
 */
public final class SwitchDevice implements BlockDevice {

    /** An order of all such devices. */
    public static final Comparator<SwitchDevice> ORDER = Comparator.comparingLong(device -> device.number);

    private static final AtomicLong NUMBERS = new AtomicLong();

    private final long number = NUMBERS.getAndIncrement();
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
        boolean interrupted = false;
        synchronized (lock) {
            while (holding) {
                interrupted |= waitOnce();
            }
            inFlight++;
        }
        try {
            return current.status(offset, length);
        } finally {
            ended();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
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
        ended();
        child.end(result);
    }

    private void ended() {
        synchronized (lock) {
            if (--inFlight == 0) {
                lock.notifyAll();
            }
        }
    }

    /**
     * Lets nothing new through, waits for what is under way, and goes on with the disk that {@code next} gives; with the
     * old one if it throws. Not for a thread that completes requests.
     *
     * @throws ConfigurationException if the new disk is smaller
     */
    public void exchange(Supplier<BlockDevice> next) {
        try (Pause pause = pause()) {
            pause.goOnWith(next.get());
        }
    }

    /**
     * Lets nothing new through and waits for what is under way; requests wait until the pause is closed. Not for a thread
     * that completes requests. Several devices are paused in the order of {@link #ORDER}, lest two threads wait for each
     * other.
     */
    public Pause pause() {
        quiesce();
        return new Pause();
    }

    /** A moment in which no request is under way. */
    public final class Pause implements AutoCloseable {

        private boolean over;

        private Pause() {}

        /**
         * Chooses the disk to go on with.
         *
         * @throws ConfigurationException if it is smaller than the one before
         */
        public void goOnWith(BlockDevice chosen) {
            if (chosen.info().size() < current.info().size()) {
                throw new ConfigurationException("A disk of " + current.info().size()
                        + " bytes cannot be exchanged for one of " + chosen.info().size());
            }
            current = chosen;
        }

        /** Sends what has waited to the disk that is there now. */
        @Override
        public void close() {
            if (!over) {
                over = true;
                release();
            }
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
