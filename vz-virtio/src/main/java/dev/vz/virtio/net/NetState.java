package dev.vz.virtio.net;

import dev.vz.state.StateVersion;
import java.util.List;

/**
 * What a network card remembers beside its queues.
 *
 * @param features    what was agreed on with the driver
 * @param mac         the address, six bytes from the lowest of the number
 * @param modes       the receive modes, bit 0 for VIRTIO_NET_CTRL_RX_PROMISC, bit 1 for ALLMULTI and so on (5.1.6.5.1)
 * @param unicast     further addresses that are received
 * @param multicast   groups that are received
 * @param overflow    bit 0 if the driver named more unicast addresses than are kept, bit 1 the same for groups
 * @param vlans       4096 bits in 64 words: the VLANs that are received
 * @param activePairs pairs of queues that the driver uses
 * @param offloads    the guest offloads that are switched on
 * @param announcing  whether the driver has not yet answered the request to announce itself
 */
@StateVersion(1)
public record NetState(long features, long mac, int modes, List<Long> unicast, List<Long> multicast, int overflow,
        List<Long> vlans, int activePairs, long offloads, boolean announcing) {

    /** Keeps copies. */
    public NetState {
        unicast = List.copyOf(unicast);
        multicast = List.copyOf(multicast);
        vlans = List.copyOf(vlans);
    }
}
