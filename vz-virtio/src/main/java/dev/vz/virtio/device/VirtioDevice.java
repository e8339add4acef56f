package dev.vz.virtio.device;

import dev.vz.state.Stateful;

/**
 * A virtio device, without transport (virtio 1.3, 2 and 5).
 *
 * <p>
 * {@link #process} and {@link #drain} of one queue are never called at the same time; those of different queues are, where
 * the queues run on different loops. What the driver does wrong is told to {@link QueueBatch#fault}; an exception out of
 * {@link #process} is taken for the host's failure and stops the device as well, never the machine.
 *
 * @param <S> the device's own state; what the transport and the queues hold is saved by {@link DeviceHost}
 */
public interface VirtioDevice<S extends Record> extends Stateful<S>, AutoCloseable {

    /** The device's type (virtio 1.3, 5): 1 is a network card, 2 a disk, and so on. */
    int type();

    /** A name for people, for example {@code "virtio-blk"}. */
    String name();

    /** The feature bits of this type of device that it offers. Constant. */
    long features();

    /**
     * Whether it works with {@code features}, a part of those offered; if not, FEATURES_OK stays clear (3.1.1).
     */
    default boolean accepts(long features) {
        return true;
    }

    /** Whether chains of a queue are always given back in the order in which they were taken (2.7.17). Constant. */
    default boolean usesInOrder() {
        return false;
    }

    /** Number of queues. Constant. */
    int queues();

    /** The most entries of queue {@code index}: a power of two. Constant. */
    int queueSize(int index);

    /** The device's configuration space. */
    ConfigSpace config();

    /** The driver is ready (DRIVER_OK) and has agreed on {@code features}; queues are processed from now on. */
    void negotiated(long features);

    /**
     * Works on a queue: takes chains, gives chains back. Called after a notification, after {@link QueueBatch#wake}, and
     * whenever it stopped because the batch was full. Must not wait for anything.
     */
    void process(QueueBatch batch);

    /**
     * Gives back every chain taken from this queue, and waits for the host where one is in flight. Before a reset what is
     * given back goes nowhere, before a pause it goes to the driver.
     */
    void drain(QueueBatch batch);

    /** Back to the state after power-on; every queue is drained and none is processed. */
    void reset();

    /** Releases what the device owns. Its host has reset it before. Idempotent. */
    @Override
    void close();
}
