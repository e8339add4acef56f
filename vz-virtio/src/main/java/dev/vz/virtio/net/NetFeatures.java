package dev.vz.virtio.net;

import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;

/** Feature bits of the network device (virtio 1.3, 5.1.3), and what they allow in a frame's header. */
final class NetFeatures {

    static final long CSUM = 1L;
    static final long GUEST_CSUM = 1L << 1;
    static final long CTRL_GUEST_OFFLOADS = 1L << 2;
    static final long MTU = 1L << 3;
    static final long MAC = 1L << 5;
    static final long GUEST_TSO4 = 1L << 7;
    static final long GUEST_TSO6 = 1L << 8;
    static final long GUEST_ECN = 1L << 9;
    static final long HOST_TSO4 = 1L << 11;
    static final long HOST_TSO6 = 1L << 12;
    static final long HOST_ECN = 1L << 13;
    static final long MRG_RXBUF = 1L << 15;
    static final long STATUS = 1L << 16;
    static final long CTRL_VQ = 1L << 17;
    static final long CTRL_RX = 1L << 18;
    static final long CTRL_VLAN = 1L << 19;
    static final long CTRL_RX_EXTRA = 1L << 20;
    static final long GUEST_ANNOUNCE = 1L << 21;
    static final long MQ = 1L << 22;
    static final long CTRL_MAC_ADDR = 1L << 23;
    static final long GUEST_USO4 = 1L << 54;
    static final long GUEST_USO6 = 1L << 55;
    static final long HOST_USO = 1L << 56;

    /** Those of the device, apart from the queues' and the transport's (6). */
    static final long DEVICE_BITS = (1L << 24) - 1 | GUEST_USO4 | GUEST_USO6 | HOST_USO;

    /** Those that CTRL_GUEST_OFFLOADS switches (5.1.6.5.6.1). */
    static final long GUEST_OFFLOADS = GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | GUEST_ECN | GUEST_USO4 | GUEST_USO6;

    /** Those that concern frames only, and the number of queues. */
    static final long DATA_PATH = CSUM | MTU | HOST_TSO4 | HOST_TSO6 | HOST_ECN | HOST_USO | MRG_RXBUF | MQ
            | GUEST_OFFLOADS;

    private static final long NEEDS_CTRL_VQ = CTRL_RX | CTRL_VLAN | GUEST_ANNOUNCE | MQ | CTRL_MAC_ADDR
            | CTRL_GUEST_OFFLOADS;

    private NetFeatures() {}

    static boolean has(long features, long bits) {
        return (features & bits) == bits;
    }

    /** What a card on a port that accepts {@code link} offers to its driver. */
    static long offered(LinkFeatures link, int pairs) {
        long bits = MAC | MTU | MRG_RXBUF | STATUS | CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_RX_EXTRA | GUEST_ANNOUNCE
                | CTRL_MAC_ADDR | CTRL_GUEST_OFFLOADS | GUEST_OFFLOADS;
        if (pairs > 1) {
            bits |= MQ;
        }
        if (link.checksum()) {
            bits |= CSUM;
            bits |= link.tso4() ? HOST_TSO4 : 0;
            bits |= link.tso6() ? HOST_TSO6 : 0;
            bits |= link.ecn() && (link.tso4() || link.tso6()) ? HOST_ECN : 0;
            bits |= link.uso() ? HOST_USO : 0;
        }
        return bits;
    }

    /** Whether no feature lacks one that it requires (5.1.3.1). */
    static boolean consistent(long features) {
        if ((features & NEEDS_CTRL_VQ) != 0 && !has(features, CTRL_VQ)
                || has(features, CTRL_RX_EXTRA) && !has(features, CTRL_RX)) {
            return false;
        }
        if ((features & (GUEST_TSO4 | GUEST_TSO6 | GUEST_USO4 | GUEST_USO6)) != 0 && !has(features, GUEST_CSUM)
                || (features & (HOST_TSO4 | HOST_TSO6 | HOST_USO)) != 0 && !has(features, CSUM)) {
            return false;
        }
        return (!has(features, GUEST_ECN) || (features & (GUEST_TSO4 | GUEST_TSO6)) != 0)
                && (!has(features, HOST_ECN) || (features & (HOST_TSO4 | HOST_TSO6)) != 0);
    }

    /** What a driver that has {@code features} takes in the frames it receives. */
    static LinkFeatures received(long features, int mtu) {
        return new LinkFeatures(has(features, GUEST_CSUM), has(features, GUEST_TSO4), has(features, GUEST_TSO6),
                has(features, GUEST_ECN), has(features, GUEST_USO4 | GUEST_USO6), mtu);
    }

    /** What a driver that has {@code features} may leave undone in the frames it sends. */
    static LinkFeatures sent(long features, int mtu) {
        return new LinkFeatures(has(features, CSUM), has(features, HOST_TSO4), has(features, HOST_TSO6),
                has(features, HOST_ECN), has(features, HOST_USO), mtu);
    }

    /**
     * Whether a header of {@code word}, its first eight bytes, and {@code checksumOffset} may stand before a frame of
     * {@code length} bytes where {@code allowed} was agreed on (5.1.6.2).
     */
    static boolean fits(long word, int checksumOffset, int length, LinkFeatures allowed) {
        int flags = (int) word & 0xFF;
        int gso = (int) (word >>> 8) & 0xFF;
        if ((flags & VnetHeader.NEEDS_CSUM) != 0) {
            int start = (int) (word >>> 48) & 0xFFFF;
            if (!allowed.checksum() || start + checksumOffset + 2 > length) {
                return false;
            }
        }
        if (gso == VnetHeader.GSO_NONE) {
            // A VLAN tag or two do not count.
            return length <= allowed.mtu() + ETHERNET + 8;
        }
        if ((flags & VnetHeader.NEEDS_CSUM) == 0 || (word >>> 32 & 0xFFFF) == 0
                || (gso & VnetHeader.GSO_ECN) != 0 && !allowed.ecn()) {
            return false;
        }
        return switch (gso & ~VnetHeader.GSO_ECN) {
            case VnetHeader.GSO_TCPV4 -> allowed.tso4();
            case VnetHeader.GSO_TCPV6 -> allowed.tso6();
            case VnetHeader.GSO_UDP_L4 -> allowed.uso();
            default -> false;
        };
    }

    /** Bytes of an Ethernet header. */
    static final int ETHERNET = 14;
    /** The longest frame: a large one of 64 KiB, its Ethernet header and a VLAN tag. */
    static final int LONGEST = 65536 + ETHERNET + 4;
}
