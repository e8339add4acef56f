package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.InternetSocket.Protocol;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.gateway.EgressPolicy.Decision;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Passes echo requests on through the host's echo sockets, or raw ones where the host lets this process have no others. A
 * reply is the remote's, never ours, unless the gateway itself was asked.
 */
final class EchoRelay {

    private static final int LARGEST = 0x1_0000;

    private final GatewayCore core;
    private final EgressRules rules;
    private final FlowErrors flowErrors;
    private final PacketWriter writer;
    private final MemorySegment buffer;
    private final SocketName name = new SocketName();
    private final boolean[] raw = new boolean[2];

    EchoRelay(GatewayCore core, EgressRules rules, FlowErrors flowErrors, PacketWriter writer, Arena arena) {
        this.core = core;
        this.writer = writer;
        this.rules = rules;
        this.flowErrors = flowErrors;
        buffer = arena.allocate(LARGEST, 64);
    }

    /** A guest's echo request, whole and with a right checksum. */
    void request(PacketView view, long mac, long guestHigh, long guestLow, long remoteHigh, long remoteLow,
            boolean toGateway) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        int length = view.transportLength();
        boolean v6 = view.isIpv6();
        int identifier = IcmpHeader.identifier(segment, at);
        if (toGateway) {
            reply(mac, remoteHigh, remoteLow, guestHigh, guestLow, segment, at, length, identifier);
            return;
        }
        int protocol = v6 ? IpProtocol.ICMPV6 : IpProtocol.ICMP;
        Flow found = core.flows.find(protocol, guestHigh, guestLow, identifier, remoteHigh, remoteLow, 0);
        EchoFlow flow = found instanceof EchoFlow known
                ? known
                : open(view, mac, guestHigh, guestLow, identifier, remoteHigh, remoteLow);
        if (flow == null) {
            return;
        }
        flow.touch();
        flow.sequence = IcmpHeader.sequence(segment, at);
        int hops = (v6 ? Ipv6Header.hopLimit(segment, view.networkOffset())
                : Ipv4Header.timeToLive(segment, view.networkOffset())) - 1;
        if (hops != flow.hops) {
            flow.hops = hops;
            flow.socket.setOption(v6 ? InternetOption.IPV6_HOPS : InternetOption.IP_TTL, hops);
        }
        send(flow, segment, at, length);
    }

    private void send(EchoFlow flow, MemorySegment segment, long at, int length) {
        MemorySegment.copy(segment, at, buffer, 0, length);
        IcmpHeader.set(buffer, 0, flow.version6 ? IcmpHeader.V6_ECHO : IcmpHeader.ECHO, 0,
                flow.identifier << 16 | flow.sequence);
        if (!flow.version6) {
            Wire.put16(buffer, IcmpHeader.CHECKSUM, Checksum.finish(Checksum.add(0, buffer, 0, length)));
        }
        for (int i = 0; i < 8; i++) {
            long result = flow.socket.send(buffer, 0, length);
            if (result >= 0 || result == -Errno.EAGAIN || result == -Errno.ENOBUFS) {
                return;
            }
            if (result == -Errno.EMSGSIZE) {
                int mtu = flow.socket.option(flow.version6 ? InternetOption.IPV6_MTU : InternetOption.IP_MTU);
                core.errors.about(flow, core.errors.ownHigh(flow.version6), core.errors.ownLow(flow.version6),
                        flow.version6 ? IcmpHeader.V6_PACKET_TOO_BIG : IcmpHeader.UNREACHABLE,
                        flow.version6 ? 0 : IcmpErrors.FRAGMENTATION_NEEDED, Math.max(mtu, 0), buffer,
                        IcmpHeader.SIZE, length - IcmpHeader.SIZE);
                return;
            }
            if (!flowErrors.take(flow, flow.socket)) {
                core.errors.unreachable(flow, (int) -result);
                return;
            }
        }
    }

    private @Nullable EchoFlow open(PacketView view, long mac, long guestHigh, long guestLow, int identifier,
            long remoteHigh, long remoteLow) {
        Decision decision = rules.check(EgressRequest.Protocol.ECHO, guestHigh, guestLow, remoteHigh, remoteLow, 0);
        if (decision != Decision.ALLOW) {
            core.flowsRefused++;
            if (decision == Decision.REJECT) {
                core.errors.unreachable(view, mac, IcmpErrors.PROHIBITED);
            }
            return null;
        }
        Guest guest = core.guest(mac);
        if (guest == null || !core.admit(guest)) {
            return null;
        }
        name.set(rules.targetHigh, rules.targetLow, 0, 0);
        boolean v6 = view.isIpv6();
        InternetSocket socket = openSocket(v6);
        if (socket == null) {
            return null;
        }
        socket.setOption(v6 ? InternetOption.IPV6_RECEIVE_ERRORS : InternetOption.IP_RECEIVE_ERRORS, 1);
        int result = socket.connect(name);
        if (result < 0) {
            socket.close();
            core.errors.unreachable(view, mac,
                    result == -Errno.ENETUNREACH ? IcmpErrors.NETWORK : IcmpErrors.HOST);
            return null;
        }
        var flow = new EchoFlow(core, guest, guestHigh, guestLow, identifier, remoteHigh, remoteLow, socket,
                ThreadLocalRandom.current().nextInt(0x1_0000));
        core.open(flow);
        flow.registration = core.register(flow, socket, Readiness.IN, readiness -> {
            if ((readiness & Readiness.ERROR) != 0) {
                flowErrors.takeAll(flow, flow.socket);
            }
            if ((readiness & Readiness.IN) != 0) {
                receive(flow);
            }
        });
        return flow;
    }

    private @Nullable InternetSocket openSocket(boolean version6) {
        int family = version6 ? 1 : 0;
        try {
            return InternetSocket.open(raw[family] ? Protocol.RAW_ICMP : Protocol.ECHO, version6);
        } catch (HostException failure) {
            if (failure.errno() == Errno.EACCES && !raw[family]) {
                raw[family] = true;
                return openSocket(version6);
            }
            boolean full = failure.errno() == Errno.EMFILE || failure.errno() == Errno.ENFILE;
            if (full && core.evictForDescriptor()) {
                return openSocket(version6);
            }
            core.flowsRefused++;
            core.hostTrouble("No socket for a guest's echo requests; net.ipv4.ping_group_range lets users have some",
                    failure);
            return null;
        }
    }

    private void receive(EchoFlow flow) {
        for (int i = 0; i < UdpReceiver.BATCH; i++) {
            long result = flow.socket.receive(buffer, 0, LARGEST);
            if (result < IcmpHeader.SIZE) {
                return;
            }
            boolean rawSocket = flow.socket.protocol() == Protocol.RAW_ICMP;
            // A raw socket of IPv4 shows the IP header, and every raw one all of the peer's messages.
            int at = rawSocket && !flow.version6 ? Ipv4Header.headerLength(buffer, 0) : 0;
            int length = (int) result - at;
            int expected = flow.version6 ? IcmpHeader.V6_ECHO_REPLY : IcmpHeader.ECHO_REPLY;
            if (length >= IcmpHeader.SIZE && IcmpHeader.type(buffer, at) == expected
                    && (!rawSocket || IcmpHeader.identifier(buffer, at) == flow.identifier)) {
                flow.touch();
                reply(flow.guest.mac, flow.remoteHigh, flow.remoteLow, flow.guestHigh, flow.guestLow, buffer, at,
                        length, flow.guestPort);
            }
        }
    }

    private void reply(long mac, long fromHigh, long fromLow, long toHigh, long toLow, MemorySegment segment, long from,
            int length, int identifier) {
        boolean v6 = !Address.isIpv4(toHigh, toLow);
        int protocol = v6 ? IpProtocol.ICMPV6 : IpProtocol.ICMP;
        if (!writer.begin(v6, length)) {
            return;
        }
        MemorySegment target = writer.segment();
        long at = writer.transport();
        MemorySegment.copy(segment, from, target, at, length);
        IcmpHeader.set(target, at, v6 ? IcmpHeader.V6_ECHO_REPLY : IcmpHeader.ECHO_REPLY, 0,
                identifier << 16 | IcmpHeader.sequence(segment, from));
        long sum = v6 ? GuestLink.pseudo(fromHigh, fromLow, toHigh, toLow, protocol, length) : 0;
        Wire.put16(target, at + IcmpHeader.CHECKSUM, Checksum.finish(Checksum.add(sum, target, at, length)));
        writer.end(mac, fromHigh, fromLow, toHigh, toLow, protocol);
    }
}
