package dev.vz.net.bridge;

import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.RuleTable.PrefixMatch;
import dev.vz.net.packet.ArpPacket;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.UdpHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The addresses that the station behind a port may use, as source of frames and packets and in what it says in ARP and
 * neighbor discovery. What it needs before it has an address is let through: DHCP from 0.0.0.0, ARP probes, duplicate
 * address detection, and IPv6 link-local addresses. Immutable.
 */
public final class AddressGuard {

    private static final int DHCP_CLIENT = 68;
    private static final int DHCP_SERVER = 67;
    private static final int NEIGHBOR_SIZE = 24;

    private final long[] macs;
    private final PrefixMatch[] prefixes;
    private final boolean checksIp;
    private final String text;

    private AddressGuard(Collection<MacAddress> macs, @Nullable Collection<IpPrefix> addresses) {
        this.macs = macs.stream().mapToLong(MacAddress::value).toArray();
        checksIp = addresses != null;
        prefixes = addresses == null
                ? new PrefixMatch[0]
                : addresses.stream().map(PrefixMatch::of).toArray(PrefixMatch[]::new);
        text = addresses == null ? macs.toString() : macs + " with " + addresses;
    }

    /** The station has one of these Ethernet addresses; IP addresses are its own business. */
    public static AddressGuard of(Collection<MacAddress> macs) {
        return new AddressGuard(List.copyOf(macs), null);
    }

    /** The station has one of these Ethernet addresses and these IP addresses, none if the list is empty. */
    public static AddressGuard of(Collection<MacAddress> macs, Collection<IpPrefix> addresses) {
        return new AddressGuard(List.copyOf(macs), List.copyOf(addresses));
    }

    /** Why a frame from {@code source} must not pass, or {@code null} if it may. */
    @Nullable
    DropReason objection(PacketView view, long source) {
        if (!isOwn(source)) {
            return DropReason.SPOOFED_MAC;
        }
        if (view.isMalformed() || view.tags() > 1) {
            // What cannot be looked at cannot be trusted.
            return DropReason.MALFORMED;
        }
        return switch (view.type()) {
            case EthernetHeader.ARP -> arp(view, source);
            case EthernetHeader.IPV4 -> ipv4(view);
            case EthernetHeader.IPV6 -> ipv6(view);
            default -> null;
        };
    }

    private @Nullable DropReason arp(PacketView view, long source) {
        MemorySegment segment = view.segment();
        long at = view.networkOffset();
        if (!ArpPacket.isEthernetIpv4(segment, at)) {
            return DropReason.MALFORMED;
        }
        if (ArpPacket.senderHardware(segment, at) != source) {
            return DropReason.SPOOFED_ARP;
        }
        int sender = ArpPacket.senderProtocol(segment, at);
        // RFC 5227, 2.1.1: a probe has no sender address yet.
        boolean probe = sender == 0 && ArpPacket.operation(segment, at) == ArpPacket.REQUEST;
        return !checksIp || probe || isOwn4(sender) ? null : DropReason.SPOOFED_ARP;
    }

    private @Nullable DropReason ipv4(PacketView view) {
        if (!checksIp) {
            return null;
        }
        MemorySegment segment = view.segment();
        int source = Ipv4Header.source(segment, view.networkOffset());
        if (isOwn4(source)) {
            return null;
        }
        boolean dhcp = source == 0 && view.isUdp()
                && UdpHeader.sourcePort(segment, view.transportOffset()) == DHCP_CLIENT
                && UdpHeader.destinationPort(segment, view.transportOffset()) == DHCP_SERVER;
        return dhcp ? null : DropReason.SPOOFED_IP;
    }

    private @Nullable DropReason ipv6(PacketView view) {
        if (!checksIp) {
            return null;
        }
        MemorySegment segment = view.segment();
        long high = Ipv6Header.sourceHigh(segment, view.networkOffset());
        long low = Ipv6Header.sourceLow(segment, view.networkOffset());
        boolean icmp = view.protocol() == IpProtocol.ICMPV6 && view.transportOffset() >= 0;
        int type = icmp ? IcmpHeader.type(segment, view.transportOffset()) : -1;
        if (type == IcmpHeader.V6_NEIGHBOR_ADVERTISEMENT) {
            long target = view.transportOffset() + 8;
            if (view.transportLength() < NEIGHBOR_SIZE) {
                return DropReason.MALFORMED;
            }
            if (!isOwn6(Wire.i64(segment, target), Wire.i64(segment, target + 8))) {
                return DropReason.SPOOFED_ARP;
            }
        }
        // RFC 4862, 5.4: whoever looks whether an address is free, or joins a group meanwhile, has none.
        boolean unspecified = high == 0 && low == 0 && (type == IcmpHeader.V6_NEIGHBOR_SOLICITATION
                || type == IcmpHeader.V6_ROUTER_SOLICITATION || type == IcmpHeader.V6_LISTENER_REPORT_2
                || type == IcmpHeader.V6_LISTENER_REPORT);
        return unspecified || isOwn6(high, low) ? null : DropReason.SPOOFED_IP;
    }

    private boolean isOwn(long mac) {
        for (long own : macs) {
            if (own == mac) {
                return true;
            }
        }
        return false;
    }

    private boolean isOwn4(int address) {
        for (PrefixMatch prefix : prefixes) {
            if (prefix.matches4(address)) {
                return true;
            }
        }
        return false;
    }

    private boolean isOwn6(long high, long low) {
        if (high >>> 54 == 0xFE80L >>> 6) {
            return true;
        }
        for (PrefixMatch prefix : prefixes) {
            if (prefix.matches6(high, low)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public String toString() {
        return text;
    }
}
