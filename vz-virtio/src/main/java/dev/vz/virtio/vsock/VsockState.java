package dev.vz.virtio.vsock;

import dev.vz.state.StateVersion;

/**
 * What a vsock device remembers. Streams do not outlive a snapshot: the guest is told so and closes them.
 *
 * @param guestCid the guest's address
 * @param features what was agreed on with the driver
 */
@StateVersion(1)
public record VsockState(long guestCid, long features) {}
