package dev.vz.virtio.input;

import dev.vz.state.StateVersion;

/**
 * What an input device remembers beside its queues. Events on their way are dropped: nobody still means them.
 *
 * @param features what was agreed on with the driver
 * @param select   what the driver asks of the configuration space
 * @param subsel   the same, closer
 */
@StateVersion(1)
public record InputState(long features, int select, int subsel) {}
