package dev.vz.net.gateway;

import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import dev.vz.net.IpPrefix;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.UdpHeader;
import java.lang.foreign.MemorySegment;
import java.net.Inet4Address;
import org.jspecify.annotations.Nullable;

/**
 * Frames from guests: checked, and handed to whoever deals with them. Whatever a frame says, nothing is thrown: what makes no
 * sense is counted and dropped.
 */
final class Ingress {

    private final GatewayCore core;
    private final Neighbours neighbours;
    private final TcpRelay tcp;
    private final UdpRelay udp;
    private final EchoRelay echo;
    private final Reassembly reassembly;
    private final RouterSolicitations solicitations;
    private final PacketView view = new PacketView();
    private final boolean ipv4;
    private final int network;
    private final int mask;
    private final int broadcast;
    private final @Nullable IpPrefix ipv6;
    private final long prefixHigh;
    private final long prefixLow;
    private final long maskHigh;
    private final long maskLow;

    /** Takes router solicitations. */
    @FunctionalInterface
    interface RouterSolicitations {
        void solicited(long mac, long sourceHigh, long sourceLow);
    }

    Ingress(GatewayCore core, Neighbours neighbours, TcpRelay tcp, UdpRelay udp, EchoRelay echo, Reassembly reassembly,
            RouterSolicitations solicitations) {
        this.core = core;
        this.neighbours = neighbours;
        this.tcp = tcp;
        this.udp = udp;
        this.echo = echo;
        this.reassembly = reassembly;
        this.solicitations = solicitations;
        IpPrefix four = core.configuration.ipv4();
        ipv4 = four != null;
        mask = four == null || four.length() == 0 ? 0 : -1 << 32 - four.length();
        network = four == null ? 0 : IpPrefix.number((Inet4Address) four.network());
        broadcast = network | ~mask;
        ipv6 = core.configuration.ipv6();
        int bits = ipv6 == null ? 0 : ipv6.length();
        maskHigh = bits == 0 ? 0 : bits >= 64 ? -1 : -1L << 64 - bits;
        maskLow = bits <= 64 ? 0 : -1L << 128 - bits;
        prefixHigh = ipv6 == null ? 0 : Address.high(ipv6.address()) & maskHigh;
        prefixLow = ipv6 == null ? 0 : Address.low(ipv6.address()) & maskLow;
    }

    /** A batch of frames; the caller brackets it. */
    void frames(FrameBatch batch) {
        int count = batch.count();
        core.framesIn += count;
        for (int i = 0; i < count; i++) {
            try {
                frame(batch.segment(i), batch.headerOffset(i), batch.frameOffset(i), batch.frameLength(i));
            } catch (RuntimeException failure) {
                core.failed("a frame", failure);
            }
        }
    }

    private void frame(MemorySegment segment, long header, long at, int length) {
        if (!view.parse(segment, at, length) || view.isMalformed()) {
            core.malformed++;
            return;
        }
        long destination = EthernetHeader.destination(segment, at);
        long source = EthernetHeader.source(segment, at);
        boolean group = (destination & 1L << 40) != 0;
        if (view.tags() > 0 || (source & 1L << 40) != 0 || !group && destination != core.link.mac()) {
            return; // not for us: other networks, or a switch that does not know yet
        }
        if (view.isArp()) {
            neighbours.arp(view, source);
            return;
        }
        int flags = VnetHeader.flags(segment, header);
        int gso = VnetHeader.gsoType(segment, header) & ~VnetHeader.GSO_ECN;
        boolean trusted = (flags & (VnetHeader.NEEDS_CSUM | VnetHeader.DATA_VALID)) != 0;
        int piece = gso == VnetHeader.GSO_UDP_L4 ? VnetHeader.gsoSize(segment, header) : 0;
        if (gso == VnetHeader.GSO_UDP_L4 && !UdpRelay.isSegmentSize(piece, length)
                || (gso == VnetHeader.GSO_TCPV4 || gso == VnetHeader.GSO_TCPV6) && !view.isTcp()) {
            core.malformed++;
            return;
        }
        packet(source, group, trusted, piece);
    }

    private void packet(long mac, boolean group, boolean trusted, int piece) {
        if (view.isIpv4() && ipv4) {
            ipv4(mac, group, trusted, piece);
        } else if (view.isIpv6() && ipv6 != null) {
            ipv6(mac, group, trusted, piece);
        }
    }

    private void ipv4(long mac, boolean group, boolean trusted, int piece) {
        MemorySegment segment = view.segment();
        long at = view.networkOffset();
        int source = Ipv4Header.source(segment, at);
        int destination = Ipv4Header.destination(segment, at);
        boolean toGateway = neighbours.isOwn(0, Address.mapped(destination)) || destination == -1
                || destination == broadcast;
        boolean named = (source & mask) == network && source != broadcast
                && !neighbours.isOwn(0, Address.mapped(source));
        // A guest without an address may ask for one, no more.
        if (!Ipv4Header.isChecksumRight(segment, at) || !named && !(source == 0 && toGateway && view.isUdp())
                || group && !toGateway) {
            core.malformed++;
            return;
        }
        if (view.isFragment()) {
            if (reassembly.add(view, mac) && !view.isMalformed()) {
                ipv4(mac, group, false, 0);
            }
            return;
        }
        if (!toGateway && forwards(mac, destination)) {
            return;
        }
        boolean toAll = group || destination == -1 || destination == broadcast;
        transport(mac, 0, Address.mapped(source), 0, Address.mapped(destination), toGateway, toAll, trusted, piece);
    }

    /** Whether an IPv4 packet does not go on: within the guests' network, or at the end of its time. */
    private boolean forwards(long mac, int destination) {
        boolean own = (destination & mask) == network
                && !neighbours.isHostLoopback(0, Address.mapped(destination));
        if (own) {
            core.errors.unreachable(view, mac, IcmpErrors.HOST);
            return true;
        }
        if (Ipv4Header.timeToLive(view.segment(), view.networkOffset()) <= 1) {
            core.errors.timeExceeded(view, mac);
            return true;
        }
        return false;
    }

    private void ipv6(long mac, boolean group, boolean trusted, int piece) {
        MemorySegment segment = view.segment();
        long at = view.networkOffset();
        long sourceHigh = Ipv6Header.sourceHigh(segment, at);
        long sourceLow = Ipv6Header.sourceLow(segment, at);
        long high = Ipv6Header.destinationHigh(segment, at);
        long low = Ipv6Header.destinationLow(segment, at);
        boolean linkLocal = Address.isLinkLocal(sourceHigh, sourceLow);
        boolean inPrefix = (sourceHigh & maskHigh) == prefixHigh && (sourceLow & maskLow) == prefixLow;
        boolean unspecified = sourceHigh == 0 && sourceLow == 0;
        boolean toGroup = Address.isGroup(high, low);
        // An IPv4 address in disguise would be taken for one: everything here tells the two by their form.
        if (Address.isIpv4(sourceHigh, sourceLow) || Address.isIpv4(high, low)
                || !linkLocal && !inPrefix && !(unspecified && toGroup) || neighbours.isOwn(sourceHigh, sourceLow)) {
            core.malformed++;
            return;
        }
        if (view.isFragment()) {
            if (reassembly.add(view, mac) && !view.isMalformed()) {
                ipv6(mac, group, false, 0);
            }
            return;
        }
        boolean toGateway = toGroup || neighbours.isOwn(high, low);
        if (!toGateway) {
            boolean inside = (high & maskHigh) == prefixHigh && (low & maskLow) == prefixLow
                    && !neighbours.isHostLoopback(high, low);
            if (inside || linkLocal) {
                core.errors.unreachable(view, mac, IcmpErrors.HOST);
                return;
            }
            if (Ipv6Header.hopLimit(segment, at) <= 1) {
                core.errors.timeExceeded(view, mac);
                return;
            }
        }
        transport(mac, sourceHigh, sourceLow, high, low, toGateway, group || toGroup, trusted, piece);
    }

    private void transport(long mac, long sourceHigh, long sourceLow, long high, long low, boolean toGateway,
            boolean group, boolean trusted, int piece) {
        if (!trusted && !isChecksumRight(sourceHigh, sourceLow, high, low)) {
            core.malformed++;
            return;
        }
        switch (view.protocol()) {
            case IpProtocol.TCP -> {
                if (!group) {
                    tcp.segment(view, mac, sourceHigh, sourceLow, high, low, toGateway);
                }
            }
            case IpProtocol.UDP -> datagram(mac, sourceHigh, sourceLow, high, low, toGateway, group, piece);
            case IpProtocol.ICMP -> {
                if (!group && Address.isIpv4(high, low)
                        && IcmpHeader.type(view.segment(), view.transportOffset()) == IcmpHeader.ECHO) {
                    echo.request(view, mac, sourceHigh, sourceLow, high, low, toGateway);
                }
            }
            case IpProtocol.ICMPV6 -> icmp6(mac, sourceHigh, sourceLow, high, low, toGateway, group);
            default -> {
                if (!group) {
                    core.errors.unreachable(view, mac, IcmpErrors.PROTOCOL);
                }
            }
        }
    }

    private void datagram(long mac, long sourceHigh, long sourceLow, long high, long low, boolean toGateway,
            boolean group, int piece) {
        if (!group) {
            udp.datagram(view, mac, sourceHigh, sourceLow, high, low, toGateway, piece);
        } else {
            udp.broadcast(view, mac, sourceHigh, sourceLow, high, low, neighbours);
        }
    }

    private void icmp6(long mac, long sourceHigh, long sourceLow, long high, long low, boolean toGateway,
            boolean group) {
        MemorySegment segment = view.segment();
        switch (IcmpHeader.type(segment, view.transportOffset())) {
            case IcmpHeader.V6_NEIGHBOR_SOLICITATION, IcmpHeader.V6_NEIGHBOR_ADVERTISEMENT ->
                    neighbours.discovery(view, mac);
            case IcmpHeader.V6_ROUTER_SOLICITATION -> {
                if (Ipv6Header.hopLimit(segment, view.networkOffset()) == 255) {
                    solicitations.solicited(mac, sourceHigh, sourceLow);
                }
            }
            case IcmpHeader.V6_ECHO -> {
                if (!group && view.isIpv6()) {
                    echo.request(view, mac, sourceHigh, sourceLow, high, low, toGateway);
                }
            }
            default -> {
                // Group reports, and errors about what we sent: nothing here depends on them.
            }
        }
    }

    private boolean isChecksumRight(long sourceHigh, long sourceLow, long high, long low) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        int length = view.transportLength();
        int protocol = view.protocol();
        if (at < 0) {
            return true;
        }
        switch (protocol) {
            case IpProtocol.UDP -> {
                if (UdpHeader.checksum(segment, at) == 0) {
                    return Address.isIpv4(high, low); // RFC 8200, 8.1: IPv6 has no datagrams without a checksum
                }
            }
            case IpProtocol.TCP, IpProtocol.ICMPV6 -> {
                // The pseudo-header counts, as below.
            }
            case IpProtocol.ICMP -> {
                return Checksum.finish(Checksum.add(0, segment, at, length)) == 0;
            }
            default -> {
                return true;
            }
        }
        long sum = GuestLink.pseudo(sourceHigh, sourceLow, high, low, protocol, length);
        return Checksum.finish(Checksum.add(sum, segment, at, length)) == 0;
    }
}
