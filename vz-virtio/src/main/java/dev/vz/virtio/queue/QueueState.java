package dev.vz.virtio.queue;

import dev.vz.state.StateVersion;

/**
 * Where a working queue is, for a snapshot.
 *
 * @param nextAvail   split: the available index to look at next, 16 bits; packed: the slot, and the wrap counter in bit 15
 * @param nextUsed    split: the used index to write next, 16 bits; packed: the slot, and the wrap counter in bit 15
 * @param signalled   the used index at the last interrupt decision, 16 bits
 * @param signalKnown whether {@code signalled} counts
 */
@StateVersion(1)
public record QueueState(int nextAvail, int nextUsed, int signalled, boolean signalKnown) {}
