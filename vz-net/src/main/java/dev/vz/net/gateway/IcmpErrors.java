package dev.vz.net.gateway;

import dev.vz.linux.Errno;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;

/**
 * Tells guests what went wrong, in ICMP (RFC 792, 1812) and ICMPv6 (RFC 4443), no more often than the limit says. Only what
 * the host's kernel or the gateway's own rules said is passed on; nothing is made up.
 */
final class IcmpErrors {

    /** Bytes of an error message over IPv4 at most (RFC 1812, 4.3.2.3). */
    private static final int LARGEST4 = 576;
    private static final int LARGEST6 = 1280;
    private static final long SECOND = 1_000_000_000L;

    /** ICMP codes of "unreachable". */
    static final int NETWORK = 0;
    static final int HOST = 1;
    static final int PROTOCOL = 2;
    static final int PORT = 3;
    static final int FRAGMENTATION_NEEDED = 4;
    static final int PROHIBITED = 13;

    private final GatewayCore core;
    private long tokens;
    private long refilled;
    long sent;

    IcmpErrors(GatewayCore core) {
        this.core = core;
        refilled = core.now;
        tokens = core.configuration.limits().errorsPerSecond();
    }

    private boolean maySend() {
        long limit = core.configuration.limits().errorsPerSecond();
        long earned = (core.now - refilled) / (SECOND / Math.max(limit, 1));
        if (earned > 0) {
            tokens = Math.min(limit, tokens + earned);
            refilled = core.now;
        }
        if (tokens <= 0) {
            return false;
        }
        tokens--;
        return true;
    }

    /** About a packet that came from a guest and lies in {@code view}: an ICMP "unreachable" code. */
    void unreachable(PacketView view, long mac, int code) {
        if (view.isIpv4()) {
            about(view, mac, IcmpHeader.UNREACHABLE, code, 0);
        } else {
            about(view, mac, IcmpHeader.V6_UNREACHABLE, code6(code), 0);
        }
    }

    /** Its time to live is over. */
    void timeExceeded(PacketView view, long mac) {
        about(view, mac, view.isIpv4() ? IcmpHeader.TIME_EXCEEDED : IcmpHeader.V6_TIME_EXCEEDED, 0, 0);
    }

    /** The rest of its fragments did not come in time. */
    void reassemblyTimeout(PacketView view, long mac) {
        about(view, mac, view.isIpv4() ? IcmpHeader.TIME_EXCEEDED : IcmpHeader.V6_TIME_EXCEEDED, 1, 0);
    }

    private static int code6(int code) {
        return switch (code) {
            case PORT -> 4;
            case PROHIBITED -> 1;
            case HOST -> 3;
            default -> 0;
        };
    }

    private void about(PacketView view, long mac, int type, int code, int rest) {
        MemorySegment packet = view.segment();
        long at = view.networkOffset();
        boolean version6 = view.isIpv6();
        // Never about an error, a group or a part that is not the first (RFC 1122, 3.2.2; RFC 4443, 2.4 (e)).
        if (isIcmpError(view) || view.isFragment() && !view.isFirstFragment() || !maySend()) {
            return;
        }
        int quoted = Math.min(view.networkLength(), quotable(version6));
        long body = reserve();
        MemorySegment.copy(packet, at, core.link.slab(), body + IcmpHeader.SIZE, quoted);
        long high = version6 ? Ipv6Header.sourceHigh(packet, at) : 0;
        long low = version6 ? Ipv6Header.sourceLow(packet, at) : Address.mapped(Ipv4Header.source(packet, at));
        send(mac, ownHigh(version6), ownLow(version6), high, low, body, type, code, rest, quoted);
    }

    private static boolean isIcmpError(PacketView view) {
        if (view.transportOffset() < 0) {
            return false;
        }
        int type = Wire.u8(view.segment(), view.transportOffset());
        return view.protocol() == IpProtocol.ICMP && type != IcmpHeader.ECHO
                || view.protocol() == IpProtocol.ICMPV6 && type < IcmpHeader.V6_ECHO;
    }

    /** The host could not reach the flow's remote end: an error number as the socket had it. */
    void unreachable(Flow flow, int errno) {
        int code = switch (errno) {
            case Errno.ENETUNREACH -> NETWORK;
            case Errno.EHOSTUNREACH, Errno.EHOSTDOWN -> HOST;
            case Errno.ECONNREFUSED -> PORT;
            case Errno.EACCES, Errno.EPERM -> PROHIBITED;
            case Errno.ENOPROTOOPT -> PROTOCOL;
            default -> -1;
        };
        if (code >= 0) {
            boolean v6 = flow.version6;
            about(flow, ownHigh(v6), ownLow(v6), v6 ? IcmpHeader.V6_UNREACHABLE : IcmpHeader.UNREACHABLE,
                    v6 ? code6(code) : code, 0, core.waste, 0, 0);
        }
    }

    /**
     * Passes on an error about a flow, with its packet put together again as the guest sent it.
     *
     * @param sourceHigh who says so
     * @param rest       the second word of the ICMP header
     * @param data       what the packet carried, as far as it is known
     */
    void about(Flow flow, long sourceHigh, long sourceLow, int type, int code, int rest, MemorySegment data,
            long dataOffset, int dataLength) {
        if (!maySend()) {
            return;
        }
        boolean v6 = flow.version6;
        int ip = v6 ? Ipv6Header.SIZE : Ipv4Header.SIZE;
        int kept = Math.min(dataLength, quotable(v6) - ip - 8);
        MemorySegment slab = core.link.slab();
        long body = reserve();
        long transport = body + IcmpHeader.SIZE + ip;
        // Eight bytes of every transport header: ports and what follows them.
        Wire.put16(slab, transport, flow.guestPort);
        Wire.put16(slab, transport + 2, flow.remotePort);
        Wire.put32(slab, transport + 4, flow.protocol == IpProtocol.UDP ? 8 + dataLength << 16 : flow.quotedWord());
        if (flow.protocol == IpProtocol.ICMP || flow.protocol == IpProtocol.ICMPV6) {
            IcmpHeader.set(slab, transport, v6 ? IcmpHeader.V6_ECHO : IcmpHeader.ECHO, 0, flow.guestPort << 16);
        }
        MemorySegment.copy(data, dataOffset, slab, transport + 8, kept);
        GuestLink.writeIp(slab, transport, flow.guestHigh, flow.guestLow, flow.remoteHigh, flow.remoteLow,
                flow.protocol, 1, 8 + dataLength, 0, 0);
        send(flow.guest.mac, sourceHigh, sourceLow, flow.guestHigh, flow.guestLow, body, type, code, rest,
                ip + 8 + kept);
    }

    private long reserve() {
        return core.link.reserve(LARGEST6);
    }

    private static int quotable(boolean version6) {
        return version6
                ? LARGEST6 - Ipv6Header.SIZE - IcmpHeader.SIZE
                : LARGEST4 - Ipv4Header.SIZE - IcmpHeader.SIZE;
    }

    private void send(long mac, long sourceHigh, long sourceLow, long destinationHigh, long destinationLow, long body,
            int type, int code, int rest, int quoted) {
        MemorySegment slab = core.link.slab();
        boolean v6 = !Address.isIpv4(destinationHigh, destinationLow);
        int protocol = v6 ? IpProtocol.ICMPV6 : IpProtocol.ICMP;
        int length = IcmpHeader.SIZE + quoted;
        IcmpHeader.set(slab, body, type, code, rest);
        long sum = v6
                ? GuestLink.pseudo(sourceHigh, sourceLow, destinationHigh, destinationLow, protocol, length)
                : 0;
        Wire.put16(slab, body + IcmpHeader.CHECKSUM, Checksum.finish(Checksum.add(sum, slab, body, length)));
        core.link.commit(mac, sourceHigh, sourceLow, destinationHigh, destinationLow, protocol, 64, length, 0);
        sent++;
    }

    /** The gateway's own address. */
    long ownHigh(boolean version6) {
        var prefix = version6 ? core.configuration.ipv6() : core.configuration.ipv4();
        return prefix == null ? 0 : Address.high(prefix.address());
    }

    long ownLow(boolean version6) {
        var prefix = version6 ? core.configuration.ipv6() : core.configuration.ipv4();
        return prefix == null ? 0 : Address.low(prefix.address());
    }
}
