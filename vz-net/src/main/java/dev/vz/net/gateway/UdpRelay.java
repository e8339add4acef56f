package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.link.VnetHeader;
import dev.vz.linux.Errno;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.DatagramBatch;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.gateway.EgressPolicy.Decision;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.UdpHeader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Passes datagrams on: what a guest sends in one batch of frames to one destination leaves in one system call, as one
 * message where all have one size.
 */
final class UdpRelay {

    private static final int BATCH = 64;
    /** The most bytes of one joined message. */
    private static final int JOINED = 65_000;

    private final GatewayCore core;
    private final EgressRules rules;
    private final LocalServices services;
    private final UdpReceiver receiver;
    private final DatagramBatch batch = new DatagramBatch(BATCH);
    private final MemorySegment[] buffers = new MemorySegment[BATCH];
    private final long[] offsets = new long[BATCH];
    private final int[] lengths = new int[BATCH];
    private final SocketName name = new SocketName();
    private final FlowErrors flowErrors;
    private @Nullable UdpFlow gathering;
    private int gathered;
    private int joinedBytes;
    private boolean equal;

    UdpRelay(GatewayCore core, EgressRules rules, LocalServices services, PacketWriter writer, Arena arena) {
        this.core = core;
        this.rules = rules;
        this.services = services;
        receiver = new UdpReceiver(core, writer, arena);
        flowErrors = new FlowErrors(core);
        core.onFinish(this::flush);
    }

    UdpReceiver receiver() {
        return receiver;
    }

    FlowErrors errors() {
        return flowErrors;
    }

    /** A guest's datagram, whole and with a right checksum, or a large one to be cut by {@code segmentSize}. */
    void datagram(PacketView view, long mac, long guestHigh, long guestLow, long remoteHigh, long remoteLow,
            boolean toGateway, int segmentSize) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        int guestPort = UdpHeader.sourcePort(segment, at);
        int remotePort = UdpHeader.destinationPort(segment, at);
        long payload = at + UdpHeader.SIZE;
        int length = view.transportLength() - UdpHeader.SIZE;
        if (toGateway && services.deliver(segment, payload, length, mac, guestHigh, guestLow, guestPort, remoteHigh,
                remoteLow, remotePort, remoteHigh, remoteLow)) {
            return;
        }
        Flow found = core.flows.find(IpProtocol.UDP, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort);
        UdpFlow flow = found instanceof UdpFlow known
                ? known
                : open(view, mac, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort, toGateway);
        if (flow == null) {
            return;
        }
        flow.usedByGuest();
        if (!flow.shared) {
            applyOptions(flow, view);
        }
        if (segmentSize <= 0) {
            gather(flow, segment, payload, length);
            return;
        }
        for (int done = 0; done < length; done += segmentSize) {
            gather(flow, segment, payload + done, Math.min(segmentSize, length - done));
        }
    }

    /** A datagram to a group, or to all: for the gateway's services alone, which answer from its own address. */
    void broadcast(PacketView view, long mac, long guestHigh, long guestLow, long groupHigh, long groupLow,
            Neighbours neighbours) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        boolean v6 = view.isIpv6();
        boolean linkLocal = v6 && Address.isLinkLocal(guestHigh, guestLow);
        services.deliver(segment, at + UdpHeader.SIZE, view.transportLength() - UdpHeader.SIZE, mac, guestHigh,
                guestLow, UdpHeader.sourcePort(segment, at), groupHigh, groupLow,
                UdpHeader.destinationPort(segment, at), linkLocal ? 0xFE80L << 48 : core.errors.ownHigh(v6),
                linkLocal ? neighbours.linkLocalLow() : core.errors.ownLow(v6));
    }

    private void gather(UdpFlow flow, MemorySegment segment, long at, int length) {
        if (gathering != flow || gathered == BATCH) {
            flush();
            gathering = flow;
        }
        int index = gathered++;
        batch.set(index, segment, at, length);
        if (flow.shared) {
            batch.setReceiver(index, flow.peerHigh, flow.peerLow, flow.peerPort);
        }
        buffers[index] = segment;
        offsets[index] = at;
        lengths[index] = length;
        if (index == 0) {
            equal = length > 0;
            joinedBytes = length;
        } else {
            // All but the last of a joined message have one size, so a shorter one may only be the last.
            equal &= length > 0 && length <= lengths[0] && lengths[index - 1] == lengths[0];
            joinedBytes += length;
        }
    }

    /** Sends what was gathered; before the frames it lies in are given back. */
    void flush() {
        UdpFlow flow = gathering;
        gathering = null;
        int count = gathered;
        gathered = 0;
        if (flow == null || count == 0 || !flow.tabled) {
            return;
        }
        if (count > 1 && equal && flow.joins && !flow.shared && joinedBytes <= JOINED) {
            int result = batch.sendJoined(flow.socket, count, lengths[0]);
            if (result == 1) {
                return;
            }
            if (result == -Errno.EINVAL || result == -Errno.EIO || result == -Errno.EMSGSIZE) {
                flow.joins = false;
            }
            batch.set(0, buffers[0], offsets[0], lengths[0]);
        }
        int done = 0;
        for (int attempts = 0; done < count && attempts < 2 * BATCH; attempts++) {
            int result = batch.send(flow.socket, done, count - done);
            if (result > 0) {
                done += result;
            } else if (result == -Errno.EAGAIN || result == -Errno.ENOBUFS) {
                return; // the host has no room: datagrams may be lost
            } else if (result == -Errno.EMSGSIZE) {
                tooLarge(flow, done);
                done++;
            } else if (result != -Errno.EINTR && !flowErrors.take(flow, flow.socket)) {
                // No report of an earlier datagram: this one itself cannot be sent.
                core.errors.unreachable(flow, -result);
                done++;
            }
        }
    }

    private void tooLarge(UdpFlow flow, int index) {
        int mtu = flow.socket.option(flow.version6 ? InternetOption.IPV6_MTU : InternetOption.IP_MTU);
        if (mtu > 0) {
            core.errors.about(flow, core.errors.ownHigh(flow.version6), core.errors.ownLow(flow.version6),
                    flow.version6 ? IcmpHeader.V6_PACKET_TOO_BIG : IcmpHeader.UNREACHABLE,
                    flow.version6 ? 0 : IcmpErrors.FRAGMENTATION_NEEDED, mtu, buffers[index], offsets[index],
                    lengths[index]);
        }
    }

    private void applyOptions(UdpFlow flow, PacketView view) {
        MemorySegment segment = view.segment();
        long ip = view.networkOffset();
        int hops = (flow.version6 ? Ipv6Header.hopLimit(segment, ip) : Ipv4Header.timeToLive(segment, ip)) - 1;
        // What was put together of fragments starts with its IP header; it may be sent in fragments again.
        boolean fragmented = view.frameOffset() == ip;
        boolean whole = flow.version6 ? !fragmented
                : (Ipv4Header.fragment(segment, ip) & Ipv4Header.DONT_FRAGMENT) != 0;
        int mode = whole ? InternetOption.PMTU_DO : InternetOption.PMTU_DONT;
        if (hops != flow.hops || mode != flow.pathMtuMode) {
            flush(); // what was gathered goes out as it was meant
        }
        if (hops != flow.hops) {
            flow.hops = hops;
            flow.socket.setOption(flow.version6 ? InternetOption.IPV6_HOPS : InternetOption.IP_TTL, hops);
        }
        if (mode != flow.pathMtuMode) {
            flow.pathMtuMode = mode;
            flow.socket.setOption(
                    flow.version6 ? InternetOption.IPV6_MTU_DISCOVER : InternetOption.IP_MTU_DISCOVER, mode);
        }
    }

    private @Nullable UdpFlow open(PacketView view, long mac, long guestHigh, long guestLow, int guestPort,
            long remoteHigh, long remoteLow, int remotePort, boolean toGateway) {
        if (remotePort == 0) {
            return null;
        }
        if (toGateway) {
            if (!services.hairpin(EgressRequest.Protocol.UDP, remoteHigh, remoteLow, remotePort, name)) {
                core.errors.unreachable(view, mac, IcmpErrors.PORT);
                return null;
            }
        } else {
            Decision decision = rules.check(EgressRequest.Protocol.UDP, guestHigh, guestLow, remoteHigh, remoteLow,
                    remotePort);
            if (decision != Decision.ALLOW) {
                core.flowsRefused++;
                if (decision == Decision.REJECT) {
                    core.errors.unreachable(view, mac, IcmpErrors.PROHIBITED);
                }
                return null;
            }
            name.set(rules.targetHigh, rules.targetLow, remotePort, 0);
        }
        Guest guest = core.guest(mac);
        if (guest == null || !core.admit(guest)) {
            return null;
        }
        InternetSocket socket = openSocket(!Address.isIpv4(name.high(), name.low()));
        if (socket == null) {
            return null;
        }
        int result = socket.connect(name);
        if (result < 0) {
            socket.close();
            core.errors.unreachable(view, mac, result == -Errno.ENETUNREACH ? IcmpErrors.NETWORK
                    : result == -Errno.EACCES ? IcmpErrors.PROHIBITED : IcmpErrors.HOST);
            return null;
        }
        var flow = new UdpFlow(core, guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort, socket,
                false, 0, 0, 0);
        core.open(flow);
        flow.registration = core.register(flow, socket, Readiness.IN, readiness -> {
            if ((readiness & Readiness.ERROR) != 0) {
                flowErrors.takeAll(flow, flow.socket);
            }
            if ((readiness & Readiness.IN) != 0) {
                receiver.receive(flow);
            }
        });
        return flow;
    }

    /** A socket that keeps its ICMP errors; {@code null} if the host has none left. */
    private @Nullable InternetSocket openSocket(boolean version6) {
        try {
            InternetSocket socket = InternetSocket.open(InternetSocket.Protocol.UDP, version6);
            socket.setOption(version6 ? InternetOption.IPV6_RECEIVE_ERRORS : InternetOption.IP_RECEIVE_ERRORS, 1);
            if (core.link.features().uso()) {
                socket.setOption(InternetOption.UDP_GRO, 1);
            }
            return socket;
        } catch (HostException failure) {
            boolean full = failure.errno() == Errno.EMFILE || failure.errno() == Errno.ENFILE;
            if (full && core.evictForDescriptor()) {
                return openSocket(version6);
            }
            core.flowsRefused++;
            core.hostTrouble("No socket for a guest's datagrams", failure);
            return null;
        }
    }

    /** Whether frames of {@link VnetHeader#GSO_UDP_L4} have a size to cut by that makes sense. */
    static boolean isSegmentSize(int size, int length) {
        return size > 0 && size <= length;
    }
}
