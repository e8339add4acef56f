package dev.vz.virtio.block;

import dev.vz.block.BlockResult;
import dev.vz.virtio.device.QueueBatch;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A queue's requests: idle ones, and those that the host's disk has completed and the queue has not given back yet. No more
 * are ever in flight than the queue has entries, whatever the driver claims to have made available.
 */
final class RequestPool {

    private final int most;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition done = lock.newCondition();
    private @Nullable InFlight idle;
    private @Nullable InFlight completed;
    private @Nullable QueueBatch batch;
    private int made;
    private int submitted;

    RequestPool(int most) {
        this.most = most;
    }

    /** An idle request; {@code null} if the most are in flight. */
    @Nullable
    InFlight take(QueueBatch queue) {
        lock.lock();
        try {
            batch = queue;
            InFlight found = idle;
            if (found != null) {
                idle = found.next;
                found.next = null;
                return found;
            }
            if (made == most) {
                return null;
            }
            made++;
            var fresh = new InFlight();
            fresh.request.onCompletion((request, result) -> complete(fresh,
                    result == BlockResult.OK ? BlockFrontend.S_OK : BlockFrontend.S_IOERR));
            return fresh;
        } finally {
            lock.unlock();
        }
    }

    void giveBack(InFlight request) {
        lock.lock();
        try {
            request.next = idle;
            idle = request;
        } finally {
            lock.unlock();
        }
    }

    void submitting() {
        lock.lock();
        try {
            submitted++;
        } finally {
            lock.unlock();
        }
    }

    /** The host's disk is done with it. Any thread. */
    private void complete(InFlight request, int status) {
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
    @Nullable
    InFlight completed() {
        lock.lock();
        try {
            InFlight found = completed;
            if (found != null) {
                completed = found.next;
                found.next = null;
            }
            return found;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the host's disk holds no request of this queue. */
    void awaitQuiet() {
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
