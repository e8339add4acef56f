package dev.vz.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * Which frames a driver wants (virtio 1.3, 5.1.6.5.1 to 5.1.6.5.3). Immutable: the control queue replaces it, receivers
 * look at it once a batch.
 *
 * @param mac       the card's own address, first byte lowest
 * @param modes     bit {@code n} is command {@code n} of VIRTIO_NET_CTRL_RX
 * @param unicast   sorted
 * @param multicast sorted
 * @param overflow  bit 0: unicast named more than fit; bit 1: multicast did
 * @param vlans     4096 bits
 * @param byVlan    whether VLANs are filtered at all
 */
record ReceiveFilter(long mac, int modes, long[] unicast, long[] multicast, int overflow, long[] vlans,
        boolean byVlan) {

    static final int PROMISC = 1;
    static final int ALLMULTI = 1 << 1;
    static final int ALLUNI = 1 << 2;
    static final int NOMULTI = 1 << 3;
    static final int NOUNI = 1 << 4;
    static final int NOBCAST = 1 << 5;

    /** Addresses of each kind that are kept; a driver that names more gets all of that kind. */
    static final int MOST = 64;

    private static final long BROADCAST = 0xFFFF_FFFF_FFFFL;
    private static final int VLAN = 0x0081; // 0x8100 as it reads little-endian
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Before the driver has said anything: everything passes. */
    static ReceiveFilter initial(long mac) {
        return new ReceiveFilter(mac, PROMISC, new long[0], new long[0], 0, new long[64], false);
    }

    /** Whether the frame of {@code length} bytes (14 or more) at {@code at} is wanted. */
    boolean passes(MemorySegment segment, long at, int length) {
        if ((modes & PROMISC) != 0) {
            return true;
        }
        long first = segment.get(LONG, at);
        if (byVlan && segment.get(SHORT, at + 12) == VLAN && (length < 18 || !inVlan(segment, at))) {
            return false;
        }
        long destination = first & BROADCAST;
        if (destination == BROADCAST) {
            return (modes & NOBCAST) == 0;
        }
        if ((destination & 1) != 0) {
            return (modes & NOMULTI) == 0 && ((modes & ALLMULTI) != 0 || (overflow & 2) != 0
                    || Arrays.binarySearch(multicast, destination) >= 0);
        }
        return (modes & NOUNI) == 0 && ((modes & ALLUNI) != 0 || (overflow & 1) != 0 || destination == mac
                || Arrays.binarySearch(unicast, destination) >= 0);
    }

    private boolean inVlan(MemorySegment segment, long at) {
        int id = Short.reverseBytes(segment.get(SHORT, at + 14)) & 0xFFF;
        return (vlans[id >>> 6] >>> id & 1) != 0;
    }

    ReceiveFilter withMac(long mac) {
        return new ReceiveFilter(mac, modes, unicast, multicast, overflow, vlans, byVlan);
    }

    ReceiveFilter withMode(int bit, boolean on) {
        return new ReceiveFilter(mac, on ? modes | bit : modes & ~bit, unicast, multicast, overflow, vlans, byVlan);
    }

    ReceiveFilter withTables(long[] unicast, long[] multicast, int overflow) {
        long[] single = unicast.clone();
        long[] group = multicast.clone();
        Arrays.sort(single);
        Arrays.sort(group);
        return new ReceiveFilter(mac, modes, single, group, overflow, vlans, byVlan);
    }

    ReceiveFilter withVlan(int id, boolean wanted) {
        long[] changed = vlans.clone();
        changed[id >>> 6] = wanted ? changed[id >>> 6] | 1L << id : changed[id >>> 6] & ~(1L << id);
        return new ReceiveFilter(mac, modes, unicast, multicast, overflow, changed, byVlan);
    }

    ReceiveFilter filteringVlans(boolean byVlan) {
        return new ReceiveFilter(mac, modes, unicast, multicast, overflow, vlans, byVlan);
    }

    static List<Long> boxed(long[] values) {
        return Arrays.stream(values).boxed().toList();
    }

    static long[] unboxed(List<Long> values) {
        return values.stream().mapToLong(Long::longValue).toArray();
    }

    // An array's identity means nothing here.
    @Override
    public boolean equals(Object other) {
        return other instanceof ReceiveFilter that && mac == that.mac && modes == that.modes
                && overflow == that.overflow && byVlan == that.byVlan && Arrays.equals(unicast, that.unicast)
                && Arrays.equals(multicast, that.multicast) && Arrays.equals(vlans, that.vlans);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(mac) + 31 * modes + Arrays.hashCode(vlans);
    }
}
