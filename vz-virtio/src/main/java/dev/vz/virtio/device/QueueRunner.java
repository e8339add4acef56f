package dev.vz.virtio.device;

import dev.vz.virtio.queue.QueueState;
import dev.vz.virtio.queue.Virtqueue;

/** One queue of a device as its host starts and stops it: worked on here, or elsewhere. */
abstract sealed class QueueRunner permits QueueBatch, RemoteQueue {

    /** The driver has new chains, or the device may begin. Any thread; does not wait. */
    public abstract void wake();

    /** There is a queue from now on. It begins with the next {@link #wake} when the host works. */
    abstract void enable(Virtqueue fresh);

    /** Ends the queue: when this returns nothing touches it or the memory that its chains name. */
    abstract void disable();

    /** Gives everything in flight back to the driver. The host has stopped working before. */
    abstract void rest();

    /** Where it is. */
    abstract QueueState save();

    /** {@link #rest} and {@link #disable} in one; says where the queue was, or -1 if there was none. */
    abstract long halt();

    /** Nothing is called any more. */
    abstract void end();
}
