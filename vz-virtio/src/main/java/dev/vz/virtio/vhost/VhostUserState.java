package dev.vz.virtio.vhost;

import dev.vz.state.StateVersion;

/**
 * What is remembered of a device in another process beside its queues: what was agreed on. What the other process holds is
 * its own.
 *
 * @param type     the device's
 * @param features agreed on with the driver
 */
@StateVersion(1)
public record VhostUserState(int type, long features) {}
