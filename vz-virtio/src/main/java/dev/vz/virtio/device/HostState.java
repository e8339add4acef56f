package dev.vz.virtio.device;

import dev.vz.state.StateVersion;
import dev.vz.virtio.queue.QueueState;
import java.util.List;

/**
 * What a driver has made of a device, for a snapshot.
 *
 * @param status         the status register
 * @param driverFeatures what the driver has accepted
 * @param queues         one entry for each queue
 */
@StateVersion(1)
public record HostState(int status, long driverFeatures, List<Queue> queues) {

    /** Keeps a copy. */
    public HostState {
        queues = List.copyOf(queues);
    }

    /**
     * A queue.
     *
     * @param size           entries
     * @param descriptorArea guest-physical
     * @param driverArea     guest-physical
     * @param deviceArea     guest-physical
     * @param enabled        whether it works
     * @param position       where it is, if it works
     */
    @StateVersion(1)
    public record Queue(int size, long descriptorArea, long driverArea, long deviceArea, boolean enabled,
            QueueState position) {}
}
