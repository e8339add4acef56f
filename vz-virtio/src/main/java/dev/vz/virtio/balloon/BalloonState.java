package dev.vz.virtio.balloon;

import dev.vz.state.StateVersion;

/**
 * What a balloon remembers beside its queues. A buffer of statistics that the device holds goes back to the driver before
 * the state is saved.
 *
 * @param features what was agreed on with the driver
 * @param numPages pages of 4 KiB that the host wants
 * @param actual   pages of 4 KiB that the guest has given
 * @param poison   what the guest fills free pages with; 0 if nothing
 */
@StateVersion(1)
public record BalloonState(long features, long numPages, long actual, long poison) {}
