package dev.vz.virtio.device;

import dev.vz.error.VzException;
import dev.vz.virtio.queue.QueueState;
import dev.vz.virtio.queue.Virtqueue;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A queue that is worked on elsewhere. Here is only where it is while nobody does. */
final class RemoteQueue extends QueueRunner {

    private final DeviceHost host;
    private final RemoteDevice<?> device;
    private final int index;
    private final WorkerLoop.Task task;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable Virtqueue queue;
    private volatile boolean started;

    RemoteQueue(DeviceHost host, RemoteDevice<?> device, int index, WorkerLoop loop) {
        this.host = host;
        this.device = device;
        this.index = index;
        this.task = loop.add(this::start);
    }

    @Override
    public void wake() {
        if (started) {
            device.kick(index);
        } else {
            // The other process is waited for on the loop, not on the virtual processor that notifies.
            task.ring();
        }
    }

    private void start() {
        lock.lock();
        try {
            Virtqueue resting = queue;
            if (resting == null || started || !host.isWorking()) {
                return;
            }
            device.begin(index, resting.layout(), resting.base(), () -> host.interrupt(index));
            started = true;
        } catch (VzException failure) {
            host.needsReset("queue " + index + ": " + failure.getMessage());
        } finally {
            lock.unlock();
        }
        // What was notified of before it started went by.
        if (started) {
            device.kick(index);
        }
    }

    @Override
    void enable(Virtqueue fresh) {
        lock.lock();
        try {
            queue = fresh;
        } finally {
            lock.unlock();
        }
    }

    @Override
    void disable() {
        halt();
    }

    @Override
    void rest() {
        lock.lock();
        try {
            Virtqueue working = queue;
            if (working == null || !started) {
                return;
            }
            started = false;
            long base = device.stop(index);
            Virtqueue resting = host.queue(working.layout());
            resting.resume(base >= 0 ? (int) base : working.base());
            queue = resting;
            if (base < 0) {
                host.needsReset("queue " + index + ": nobody knows how far it was worked on");
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    QueueState save() {
        lock.lock();
        try {
            Virtqueue resting = queue;
            return resting == null ? new QueueState(0, 0, 0, false) : resting.save();
        } finally {
            lock.unlock();
        }
    }

    @Override
    long halt() {
        lock.lock();
        try {
            rest();
            Virtqueue resting = queue;
            queue = null;
            return resting == null ? -1 : resting.base() & 0xFFFF_FFFFL;
        } finally {
            lock.unlock();
        }
    }

    @Override
    void end() {
        task.close();
    }
}
