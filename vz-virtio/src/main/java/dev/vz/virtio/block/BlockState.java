package dev.vz.virtio.block;

import dev.vz.state.StateVersion;

/**
 * What a block device remembers beside its queues.
 *
 * @param features  what was agreed on with the driver
 * @param writeback whether the driver wants writes to be cached
 */
@StateVersion(1)
public record BlockState(long features, boolean writeback) {}
