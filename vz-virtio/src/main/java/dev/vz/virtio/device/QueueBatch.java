package dev.vz.virtio.device;

import dev.vz.virtio.queue.DescriptorChain;
import dev.vz.virtio.queue.QueueState;
import dev.vz.virtio.queue.Virtqueue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToIntBiFunction;
import org.jspecify.annotations.Nullable;

/**
 * A queue as a device works on it: up to 64 chains at a time, shown to the driver together. All but {@link #wake} is for
 * use inside {@link VirtioDevice#process} and {@link VirtioDevice#drain} only.
 */
public final class QueueBatch extends QueueRunner {

    /** The most chains that are taken before other queues of the loop have their turn. */
    public static final int BUDGET = 64;

    /** The most chains that one {@link #now} takes. */
    public static final int DELIVERY = 4096;

    private final DeviceHost host;
    private final VirtioDevice<?> device;
    private final int index;
    private final WorkerLoop.Task task;
    /** Held while the queue is worked on; whoever stops the queue waits for it, for one batch at most. */
    private final ReentrantLock lock = new ReentrantLock();
    private final long pollNanos;
    private long pollingSince;
    private @Nullable Virtqueue queue;
    private int budget;
    /** Whether whoever holds the lock looks for rings when it has worked. */
    private boolean attempting;
    /** Whether the device has seen that no chain is left; if it has not, it stopped for a reason of its own. */
    private boolean emptied;
    private boolean discard;
    private @Nullable String fault;

    QueueBatch(DeviceHost host, VirtioDevice<?> device, int index, WorkerLoop loop) {
        this.host = host;
        this.device = device;
        this.index = index;
        this.task = loop.add(this::run, this::attempt);
        this.pollNanos = loop.pollNanos();
        this.pollingSince = System.nanoTime() - pollNanos;
    }

    /** Which queue of the device it is. */
    public int queue() {
        return index;
    }

    /** Takes the next chain; {@code false} if there is none, or it is another queue's turn. */
    public boolean next(DescriptorChain chain) {
        Virtqueue working = queue;
        if (working == null || budget == 0 || discard || fault != null) {
            return false;
        }
        if (working.next(chain)) {
            budget--;
            return true;
        }
        emptied = true;
        return false;
    }

    /** Gives {@code chain} back: {@code written} bytes of its writable part are new, from the start. */
    public void complete(DescriptorChain chain, int written) {
        Virtqueue working = queue;
        if (working != null && !discard) {
            working.add(chain, written);
        }
    }

    /** Gives back the chain that had this {@link DescriptorChain#id} and {@link DescriptorChain#slots}. */
    public void complete(int id, int slots, int written) {
        Virtqueue working = queue;
        if (working != null && !discard) {
            working.add(id, slots, written);
        }
    }

    /**
     * Puts the chain that was taken last back; nothing was done with it. Several that were taken one after the other can
     * be put back in the reverse order.
     */
    public void undo(DescriptorChain chain) {
        Virtqueue working = queue;
        if (working != null && !discard) {
            working.undo(chain);
            budget++;
        }
    }

    /** The driver has broken the device's protocol: the device stops and says that it needs a reset. */
    public void fault(String why) {
        if (fault == null) {
            fault = why;
        }
    }

    /** Has the queue processed again, soon. Any thread. */
    @Override
    public void wake() {
        task.ring();
    }

    /**
     * Works on the queue now, on the calling thread, for whoever has something for the driver: {@code work} is run as
     * {@link VirtioDevice#process} would be, and up to {@link #DELIVERY} chains can be taken. Any thread; waits for a
     * batch that is being processed. Not from within the same queue's {@link VirtioDevice#process}.
     *
     * @return what {@code work} returned; -1 if the queue does not work, or {@code work} failed
     */
    public <T> int now(T argument, ToIntBiFunction<QueueBatch, T> work) {
        lock.lock();
        try {
            Virtqueue working = queue;
            if (working == null || !host.isWorking()) {
                return -1;
            }
            // Whoever delivers looks at the queue each time: the driver need not be asked to notify.
            int result = -1;
            try {
                begin(working, DELIVERY);
                result = work.applyAsInt(this, argument);
            } catch (RuntimeException | VirtualMachineError failure) {
                fault("the device failed: " + failure);
            }
            finish(working);
            return result;
        } finally {
            lock.unlock();
        }
    }

    // -------------------------------------------------------------------------------------- for the device's host

    /** What the loop runs. */
    private void run() {
        lock.lock();
        try {
            work();
        } finally {
            lock.unlock();
        }
    }

    /**
     * What whoever rings runs, on an eager loop; {@code false} if the loop's thread has to. It waits for nobody: whoever has the
     * lock may wait for the very thread that rings.
     */
    private boolean attempt() {
        if (lock.isHeldByCurrentThread()) {
            return attempting;
        }
        if (!lock.tryLock()) {
            return false;
        }
        try {
            attempting = true;
            // Twice, for a disk that is done at once rings while it is asked; more would be a driver's way to keep a thread.
            for (int i = 0; i < 2 && task.answer(); i++) {
                work();
            }
        } finally {
            attempting = false;
            lock.unlock();
        }
        return !task.isRung();
    }

    private void work() {
        Virtqueue working = queue;
        if (working == null || !host.isWorking()) {
            return;
        }
        try {
            begin(working, BUDGET);
            device.process(this);
        } catch (RuntimeException | VirtualMachineError failure) {
            // The host's failure, or a mistake in the device: this device stops, its machine does not. An internal
            // error is how the JVM tells that shared memory was cut off by whoever owns it; no memory or no stack
            // left must not take the loop's other devices along.
            fault("the device failed: " + failure);
        }
        finish(working);
    }

    private void begin(Virtqueue working, int chains) {
        budget = chains;
        emptied = false;
        working.disableNotifications();
    }

    private void finish(Virtqueue working) {
        try {
            if (working.publish()) {
                host.interrupt(index);
            }
            rearm(working);
        } catch (InternalError cutOff) {
            host.needsReset("queue " + index + ": its memory is gone: " + cutOff.getMessage());
        }
    }

    private void rearm(Virtqueue working) {
        String why = fault != null ? fault : working.fault();
        if (why != null) {
            host.needsReset("queue " + index + ": " + why);
        } else if (budget == 0 || emptied && (isPolling() || working.enableNotifications())) {
            // A device that has left chains behind waits for something else, and wakes the queue itself.
            task.ring();
        }
    }

    /** Whether to look again rather than to ask for a notification: for a while after the last chain. */
    private boolean isPolling() {
        if (pollNanos == 0) {
            return false;
        }
        long now = System.nanoTime();
        if (budget < BUDGET) {
            pollingSince = now;
            return true;
        }
        return now - pollingSince < pollNanos;
    }

    @Override
    void enable(Virtqueue fresh) {
        lock.lock();
        try {
            queue = fresh;
            fault = null;
            discard = false;
        } finally {
            lock.unlock();
        }
    }

    @Override
    void disable() {
        lock.lock();
        try {
            if (queue != null) {
                discard = true;
                device.drain(this);
            }
            queue = null;
            fault = null;
        } finally {
            lock.unlock();
        }
    }

    @Override
    void rest() {
        lock.lock();
        try {
            Virtqueue working = queue;
            if (working == null) {
                return;
            }
            budget = 0;
            device.drain(this);
            if (working.publish()) {
                host.interrupt(index);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    QueueState save() {
        lock.lock();
        try {
            Virtqueue working = queue;
            return working == null ? new QueueState(0, 0, 0, false) : working.save();
        } finally {
            lock.unlock();
        }
    }

    @Override
    long halt() {
        lock.lock();
        try {
            rest();
            Virtqueue working = queue;
            long base = working == null ? -1 : working.base() & 0xFFFF_FFFFL;
            queue = null;
            fault = null;
            return base;
        } finally {
            lock.unlock();
        }
    }

    @Override
    void end() {
        task.close();
    }
}
