package dev.vz.virtio.queue;

import dev.vz.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/**
 * A working queue, from the device's side.
 *
 * <p>
 * Used by one thread at a time, in batches: {@link #next} takes chains until it says there is none, {@link #add} gives
 * each back, {@link #publish} shows all of them to the driver at once and tells whether to interrupt it. Nothing
 * allocates. A broken rule makes {@link #fault} say which; from then on {@link #next} gives nothing, and the device sets
 * DEVICE_NEEDS_RESET.
 */
public sealed interface Virtqueue permits SplitQueue, PackedQueue {

    /**
     * The queue that {@code layout} describes, at its start.
     *
     * <p>
     * Does not throw for what the driver wrote: a layout that cannot be gives a queue with a {@link #fault}.
     */
    static Virtqueue of(QueueLayout layout, GuestMemory memory) {
        return layout.features().packed() ? new PackedQueue(layout, memory) : new SplitQueue(layout, memory);
    }

    /** What it was made from. */
    QueueLayout layout();

    /**
     * Takes the next chain that the driver has made available.
     *
     * @param chain filled in; valid until the next call with the same object
     * @return {@code false} if there is none, or the queue is faulty
     */
    boolean next(DescriptorChain chain);

    /**
     * Puts the last chain that {@link #next} gave back, as if it had not been taken. Several can be put back in the
     * reverse order of their taking, as long as none of them has been added.
     */
    void undo(DescriptorChain chain);

    /**
     * Gives a chain back to the driver; it sees it at the next {@link #publish}.
     *
     * @param written bytes written to the chain's writable part, from its start
     */
    void add(DescriptorChain chain, int written);

    /**
     * Gives a chain back by its identity, for a device that completes out of order and has kept {@link DescriptorChain#id}
     * and {@link DescriptorChain#slots}.
     */
    void add(int id, int slots, int written);

    /**
     * Shows everything added since the last time to the driver.
     *
     * @return whether the driver wants an interrupt for it
     */
    boolean publish();

    /** Asks the driver not to notify, as far as it can be asked. */
    void disableNotifications();

    /**
     * Asks the driver to notify of the next chain.
     *
     * @return {@code true} if a chain came in meanwhile: work on, no notification may come for it
     */
    boolean enableNotifications();

    /** What the driver did wrong, as a sentence; {@code null} as long as it did nothing. */
    @Nullable
    String fault();

    /** Where it is; between batches, with everything published. */
    QueueState save();

    /** Goes on from {@code state}; on a queue that has not been used yet. */
    void restore(QueueState state);

    /**
     * Where it is, as vhost-user says it: a split queue's next available index; of a packed one the slot and wrap counter
     * for available descriptors in the lower 16 bits and those for used ones in the upper. Between batches.
     */
    int base();

    /**
     * Goes on from {@code base}, on a queue that has not been used yet. The used position of a split queue is what its
     * ring says; that of a packed queue is where its available one is: nothing is in flight in a queue that rests.
     */
    void resume(int base);

    /**
     * Notes from now on in {@code log} which chains are in flight, and gives those again that it says were in flight when
     * whoever worked on the queue before died. After {@link #resume}.
     *
     * @return whether it does: the log of another kind of queue is of no use
     */
    boolean track(InflightLog log);
}
