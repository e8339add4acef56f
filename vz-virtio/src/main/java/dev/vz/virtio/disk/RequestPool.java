package dev.vz.virtio.disk;

import dev.vz.block.BlockResult;
import dev.vz.virtio.device.QueueBatch;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A queue's requests: idle ones, and those that the host's disk has completed and the queue has not given back yet. No more
 * are ever in flight than the queue has entries, whatever the driver claims to have made available. Thread-safe.
 *
 * @param <R> the device's requests
 */
public final class RequestPool<R extends DiskRequest> {

    private final int most;
    private final Supplier<R> maker;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition done = lock.newCondition();
    private @Nullable R idle;
    private @Nullable R completed;
    private @Nullable QueueBatch batch;
    private int made;
    private int submitted;

    /** A pool of up to {@code most} requests, each made when it is first needed. */
    public RequestPool(int most, Supplier<R> maker) {
        this.most = most;
        this.maker = maker;
    }

    /** Requests of one pool are of one kind. */
    @SuppressWarnings("unchecked")
    private static <T extends DiskRequest> @Nullable T after(T request) {
        return (T) request.next;
    }

    /** An idle request; {@code null} if the most are in flight. */
    public @Nullable R take(QueueBatch queue) {
        lock.lock();
        try {
            batch = queue;
            R found = idle;
            if (found != null) {
                idle = after(found);
                found.next = null;
                return found;
            }
            if (made == most) {
                return null;
            }
            made++;
            R fresh = maker.get();
            fresh.request.onCompletion((request, result) -> complete(fresh,
                    result == BlockResult.OK ? DiskRequest.OK : DiskRequest.FAILED));
            return fresh;
        } finally {
            lock.unlock();
        }
    }

    /** {@code request} is idle again. */
    public void giveBack(R request) {
        lock.lock();
        try {
            request.next = idle;
            idle = request;
        } finally {
            lock.unlock();
        }
    }

    /** A request is about to be submitted. */
    public void submitting() {
        lock.lock();
        try {
            submitted++;
        } finally {
            lock.unlock();
        }
    }

    /** The host's disk is done with it. Any thread. */
    private void complete(R request, int status) {
        QueueBatch queue;
        lock.lock();
        try {
            request.status = status;
            request.next = completed;
            completed = request;
            submitted--;
            queue = batch;
            done.signalAll();
        } finally {
            lock.unlock();
        }
        if (queue != null) {
            queue.wake();
        }
    }

    /** Something that is completed; {@code null} if there is nothing. */
    public @Nullable R completed() {
        lock.lock();
        try {
            R found = completed;
            if (found != null) {
                completed = after(found);
                found.next = null;
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the host's disk holds no request of this queue. */
    public void awaitQuiet() {
        lock.lock();
        try {
            while (submitted > 0) {
                // The disk still reads or writes guest memory: an interrupt cannot cut the wait short.
                done.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }
}
