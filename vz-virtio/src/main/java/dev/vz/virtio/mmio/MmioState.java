package dev.vz.virtio.mmio;

import dev.vz.state.StateVersion;
import dev.vz.virtio.device.HostState;

/**
 * What the registers hold beside the device's own state.
 *
 * @param host                the device's host
 * @param deviceFeatureSelect as written
 * @param driverFeatureSelect as written
 * @param queueSelect         as written
 * @param interruptStatus     bit 0 used buffers, bit 1 configuration change
 */
@StateVersion(1)
public record MmioState(HostState host, int deviceFeatureSelect, int driverFeatureSelect, int queueSelect,
        int interruptStatus) {}
