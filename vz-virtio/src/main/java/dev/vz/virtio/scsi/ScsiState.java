package dev.vz.virtio.scsi;

import dev.vz.state.StateVersion;

/**
 * What an adapter remembers beside its queues.
 *
 * @param senseSize bytes that a response has for sense data
 * @param cdbSize   bytes that a request has for its command
 */
@StateVersion(1)
public record ScsiState(int senseSize, int cdbSize) {}
