package dev.vz.net.gateway;

import dev.vz.net.IpPrefix;
import dev.vz.net.packet.ArpPacket;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who has which address on the link: ARP (RFC 826) and neighbor discovery (RFC 4861). Answers for the gateway's own
 * addresses and for no other, and remembers a bounded number of guests.
 */
final class Neighbours {

    private static final long BROADCAST = 0xFFFF_FFFF_FFFFL;
    private static final long ALL_NODES_MAC = 0x3333_0000_0001L;
    private static final long ALL_NODES_HIGH = 0xFF02_0000_0000_0000L;
    private static final long SOLICITED_NODE_LOW = 0x0000_0001_FF00_0000L;
    private static final int MESSAGE = 32;
    private static final int ROUTER = 0x8000_0000;
    private static final int SOLICITED = 0x4000_0000;
    private static final int OVERRIDE = 0x2000_0000;

    private record Key(long high, long low) {}

    /** An address that each frame is compared with: an InetAddress would give its bytes in a new array each time. */
    private record Own(boolean there, long high, long low) {
        static Own of(@Nullable IpPrefix prefix) {
            return prefix == null
                    ? new Own(false, 0, 0)
                    : new Own(true, Address.high(prefix.address()), Address.low(prefix.address()));
        }

        boolean is(long otherHigh, long otherLow) {
            return there && low == otherLow && high == otherHigh;
        }
    }

    private final GatewayCore core;
    private final Map<Key, Long> known;
    private final @Nullable IpPrefix ipv4;
    private final @Nullable IpPrefix ipv6;
    private final Own own4;
    private final Own own6;
    private final Own loopback;
    private final long linkLocalLow;
    private Runnable learned = () -> {};

    Neighbours(GatewayCore core) {
        this.core = core;
        ipv4 = core.configuration.ipv4();
        ipv6 = core.configuration.ipv6();
        own4 = Own.of(ipv4);
        own6 = Own.of(ipv6);
        loopback = Own.of(core.configuration.hostLoopback());
        long mac = core.link.mac();
        // RFC 4291, appendix A: the modified EUI-64.
        linkLocalLow = (mac >>> 24 ^ 0x02_0000L) << 40 | 0xFF_FE00_0000L | mac & 0xFF_FFFFL;
        int limit = 4 * core.configuration.limits().guests();
        known = new LinkedHashMap<>(64, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Key, Long> eldest) {
                return size() > limit;
            }
        };
    }

    /** The lower half of the gateway's link-local address. */
    long linkLocalLow() {
        return linkLocalLow;
    }

    /** Whether an address is the gateway's own. */
    boolean isOwn(long high, long low) {
        return own4.is(high, low) || own6.is(high, low) || high == 0xFE80L << 48 && low == linkLocalLow;
    }

    /** Whether an address stands for the host's loopback. */
    boolean isHostLoopback(long high, long low) {
        return loopback.is(high, low);
    }

    private boolean answersFor(long high, long low) {
        return isOwn(high, low) || isHostLoopback(high, low);
    }

    /** Runs {@code action} whenever a new address has become known. */
    void onLearned(Runnable action) {
        learned = action;
    }

    /** The Ethernet address behind an IP address; -1 if it is not known. */
    long find(long high, long low) {
        Long mac = known.get(new Key(high, low));
        return mac == null ? -1 : mac;
    }

    /** A guest showed that it has an address. */
    void learn(long high, long low, long mac) {
        if ((mac & 1L << 40) == 0 && !answersFor(high, low)) {
            Long before = known.put(new Key(high, low), mac);
            if (before == null || before != mac) {
                learned.run();
            }
        }
    }

    /** An ARP packet. */
    void arp(PacketView view, long mac) {
        MemorySegment segment = view.segment();
        long at = view.networkOffset();
        if (ipv4 == null || !ArpPacket.isEthernetIpv4(segment, at)) {
            return;
        }
        int sender = ArpPacket.senderProtocol(segment, at);
        int target = ArpPacket.targetProtocol(segment, at);
        if (sender != 0 && ArpPacket.senderHardware(segment, at) == mac && ipv4.contains(IpPrefix.inet4(sender))) {
            learn(0, Address.mapped(sender), mac);
        }
        if (ArpPacket.operation(segment, at) == ArpPacket.REQUEST && answersFor(0, Address.mapped(target))) {
            sendArp(ArpPacket.REPLY, mac, target, sender);
        }
    }

    private void sendArp(int operation, long mac, int own, int other) {
        long network = core.link.reserve(ArpPacket.SIZE);
        MemorySegment slab = core.link.slab();
        EthernetHeader.set(slab, network - EthernetHeader.SIZE, mac, core.link.mac(), EthernetHeader.ARP);
        ArpPacket.set(slab, network, operation, core.link.mac(), own, mac == BROADCAST ? 0 : mac, other);
        core.link.queue(network, ArpPacket.SIZE);
    }

    /** Asks the link for an address. */
    void solicit(long high, long low) {
        if (Address.isIpv4(high, low)) {
            if (ipv4 != null) {
                sendArp(ArpPacket.REQUEST, BROADCAST, (int) Address.low(ipv4.address()), (int) low);
            }
            return;
        }
        long group = SOLICITED_NODE_LOW | low & 0xFF_FFFF;
        sendMessage(0x3333_0000_0000L | group & 0xFFFF_FFFFL, 0xFE80L << 48, linkLocalLow, ALL_NODES_HIGH, group,
                IcmpHeader.V6_NEIGHBOR_SOLICITATION, 0, high, low, 1);
    }

    /** A neighbor solicitation or advertisement, its checksum known to be right. */
    void discovery(PacketView view, long mac) {
        MemorySegment segment = view.segment();
        long ip = view.networkOffset();
        long at = view.transportOffset();
        // RFC 4861, 7.1: a hop limit of 255 shows that no router has passed it on.
        if (view.transportLength() < 24 || Ipv6Header.hopLimit(segment, ip) != 255
                || IcmpHeader.code(segment, at) != 0) {
            return;
        }
        boolean solicitation = IcmpHeader.type(segment, at) == IcmpHeader.V6_NEIGHBOR_SOLICITATION;
        long high = Wire.i64(segment, at + 8);
        long low = Wire.i64(segment, at + 16);
        long sourceHigh = Ipv6Header.sourceHigh(segment, ip);
        long sourceLow = Ipv6Header.sourceLow(segment, ip);
        boolean unspecified = sourceHigh == 0 && sourceLow == 0;
        if (!solicitation) {
            learnIfOurs(high, low, mac);
            return;
        }
        if (!unspecified) {
            learnIfOurs(sourceHigh, sourceLow, mac);
        }
        if (answersFor(high, low)) {
            long toHigh = unspecified ? ALL_NODES_HIGH : sourceHigh;
            long toLow = unspecified ? 1 : sourceLow;
            sendMessage(unspecified ? ALL_NODES_MAC : mac, high, low, toHigh, toLow,
                    IcmpHeader.V6_NEIGHBOR_ADVERTISEMENT, ROUTER | OVERRIDE | (unspecified ? 0 : SOLICITED), high, low,
                    2);
        }
    }

    private void learnIfOurs(long high, long low, long mac) {
        if (Address.isLinkLocal(high, low) || ipv6 != null && ipv6.contains(Address.toInet(high, low))) {
            learn(high, low, mac);
        }
    }

    private void sendMessage(long mac, long sourceHigh, long sourceLow, long destinationHigh, long destinationLow,
            int type, int flags, long targetHigh, long targetLow, int option) {
        long at = core.link.reserve(MESSAGE);
        MemorySegment slab = core.link.slab();
        IcmpHeader.set(slab, at, type, 0, flags);
        Wire.put64(slab, at + 8, targetHigh);
        Wire.put64(slab, at + 16, targetLow);
        Wire.put8(slab, at + 24, option);
        Wire.put8(slab, at + 25, 1);
        Wire.put48(slab, at + 26, core.link.mac());
        long sum = GuestLink.pseudo(sourceHigh, sourceLow, destinationHigh, destinationLow, IpProtocol.ICMPV6, MESSAGE);
        Wire.put16(slab, at + IcmpHeader.CHECKSUM, Checksum.finish(Checksum.add(sum, slab, at, MESSAGE)));
        core.link.commit(mac, sourceHigh, sourceLow, destinationHigh, destinationLow, IpProtocol.ICMPV6, 255, MESSAGE,
                0);
    }
}
