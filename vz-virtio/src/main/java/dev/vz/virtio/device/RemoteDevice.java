package dev.vz.virtio.device;

import dev.vz.virtio.queue.QueueLayout;
import java.util.function.Consumer;

/**
 * A device whose queues somebody else works on, in another process that sees the guest's memory. Its {@link #features} are
 * all that it offers, those of rings included.
 *
 * @param <S> the device's own state
 */
public interface RemoteDevice<S extends Record> extends VirtioDevice<S> {

    /**
     * Has queue {@code index} worked on from {@code base} on, as {@link dev.vz.virtio.queue.Virtqueue#base} says it. Called
     * on the queue's loop, after {@link #negotiated}; may wait for the other process.
     *
     * @param interrupt to be run, on any thread, when the driver is to be interrupted
     * @throws dev.vz.error.VzException if the other process is gone or does not want to: the device needs a reset then
     */
    void begin(int index, QueueLayout layout, int base, Runnable interrupt);

    /**
     * Ends that; when it returns, nobody touches the queue or the memory that its chains name.
     *
     * @return where the queue is, as {@link dev.vz.virtio.queue.Virtqueue#base} says it; -1 if nobody knows
     */
    long stop(int index);

    /** Tells whoever works on queue {@code index} of new chains. Any thread; does not wait. */
    void kick(int index);

    /** Tells {@code listener}, on any thread, when the other process is gone while it should work, and why. */
    void onFailure(Consumer<String> listener);

    /** Not called: the queues are not worked on here. */
    @Override
    default void process(QueueBatch batch) {
        batch.fault("the queue of a remote device is worked on elsewhere");
    }

    /** Not called: the queues are not worked on here. */
    @Override
    default void drain(QueueBatch batch) {
        // Nothing is in flight here.
    }
}
