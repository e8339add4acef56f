package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.gateway.EgressPolicy.Decision;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/** Finds the connection that a segment belongs to, and opens new ones, from the guest's side and from the host's. */
final class TcpRelay {

    private static final byte[] NO_PREFIX = {};
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final GatewayCore core;
    private final EgressRules rules;
    private final LocalServices services;
    private final SocketName name = new SocketName();
    private final SecureRandom random = new SecureRandom();
    private final byte[] drawn = new byte[256];
    private int undrawn;

    TcpRelay(GatewayCore core, EgressRules rules, LocalServices services) {
        this.core = core;
        this.rules = rules;
        this.services = services;
    }

    /** A segment of a guest, whole and with a right checksum; addresses are its source and destination. */
    void segment(PacketView view, long mac, long guestHigh, long guestLow, long remoteHigh, long remoteLow,
            boolean toGateway) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        int guestPort = TcpHeader.sourcePort(segment, at);
        int remotePort = TcpHeader.destinationPort(segment, at);
        Flow found = core.flows.find(IpProtocol.TCP, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort);
        if (found instanceof TcpFlow flow) {
            boolean again = flow.isLingering()
                    && (TcpHeader.flags(segment, at) & (TcpHeader.SYN | TcpHeader.ACK)) == TcpHeader.SYN;
            if (!again) {
                flow.segment(view);
                return;
            }
            flow.end();
        }
        int flags = TcpHeader.flags(segment, at);
        if ((flags & TcpHeader.RST) != 0) {
            return;
        }
        if ((flags & (TcpHeader.SYN | TcpHeader.ACK | TcpHeader.FIN)) != TcpHeader.SYN || guestPort == 0
                || remotePort == 0) {
            reset(view, mac, guestHigh, guestLow, remoteHigh, remoteLow);
            return;
        }
        Guest guest = core.guest(mac);
        if (guest == null) {
            core.flowsRefused++;
            return;
        }
        InternetSocket local = toGateway ? services.connect(remotePort, guestHigh, guestLow) : null;
        if (local != null) {
            if (core.admit(guest)) {
                open(guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort, local)
                        .openFromGuest(segment, at, true);
            } else {
                local.close();
            }
        } else if (toGateway
                && !services.hairpin(EgressRequest.Protocol.TCP, remoteHigh, remoteLow, remotePort, name)) {
            reset(view, mac, guestHigh, guestLow, remoteHigh, remoteLow);
        } else {
            connect(view, guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort, toGateway);
        }
    }

    private void connect(PacketView view, Guest guest, long guestHigh, long guestLow, int guestPort, long remoteHigh,
            long remoteLow, int remotePort, boolean hairpin) {
        if (!hairpin) {
            Decision decision = rules.check(EgressRequest.Protocol.TCP, guestHigh, guestLow, remoteHigh, remoteLow,
                    remotePort);
            if (decision != Decision.ALLOW) {
                core.flowsRefused++;
                if (decision == Decision.REJECT) {
                    core.errors.unreachable(view, guest.mac, IcmpErrors.PROHIBITED);
                }
                return;
            }
            name.set(rules.targetHigh, rules.targetLow, remotePort, 0);
        }
        if (!core.admit(guest)) {
            return; // the guest tries again, when there may be room
        }
        InternetSocket socket = openSocket(!Address.isIpv4(name.high(), name.low()));
        if (socket == null) {
            return;
        }
        int result = socket.connect(name);
        TcpFlow flow = open(guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort, socket);
        if (!hairpin && rules.readsServerNames(remotePort)) {
            flow.readServerName(rules);
        }
        if (result == 0 || result == -Errno.EINPROGRESS) {
            flow.openFromGuest(view.segment(), view.transportOffset(), result == 0);
        } else {
            if (result == -Errno.ECONNREFUSED) {
                reset(view, guest.mac, guestHigh, guestLow, remoteHigh, remoteLow);
            } else {
                core.errors.unreachable(view, guest.mac,
                        result == -Errno.ENETUNREACH ? IcmpErrors.NETWORK : IcmpErrors.HOST);
            }
            flow.end();
        }
    }

    private @Nullable InternetSocket openSocket(boolean version6) {
        try {
            return core.sockets.open(version6);
        } catch (HostException failure) {
            boolean full = failure.errno() == Errno.EMFILE || failure.errno() == Errno.ENFILE;
            if (full && core.evictForDescriptor()) {
                return openSocket(version6);
            }
            core.flowsRefused++;
            core.hostTrouble("No socket for a guest's connection", failure);
            return null;
        }
    }

    private TcpFlow open(Guest guest, long guestHigh, long guestLow, int guestPort, long remoteHigh, long remoteLow,
            int remotePort, InternetSocket socket) {
        var flow = new TcpFlow(core, guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort, socket,
                initialSequence(), NO_PREFIX);
        core.open(flow);
        return flow;
    }

    /** A number that nobody can guess (RFC 9293, 3.4.1); many are drawn at a time. */
    private int initialSequence() {
        if (undrawn == 0) {
            random.nextBytes(drawn);
            undrawn = drawn.length;
        }
        undrawn -= Integer.BYTES;
        return (int) INT.get(drawn, undrawn);
    }

    /**
     * A client of a port forward, whose connection the host has accepted.
     *
     * @param proxy the PROXY protocol's header to send first, or an empty string
     * @return whether there was room for it; if not the caller closes the socket
     */
    boolean accepted(Guest guest, InternetSocket socket, long guestHigh, long guestLow, int guestPort, long remoteHigh,
            long remoteLow, int remotePort, String proxy) {
        if (!core.admit(guest)) {
            return false;
        }
        var flow = new TcpFlow(core, guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort, socket,
                initialSequence(), proxy.getBytes(StandardCharsets.US_ASCII));
        core.open(flow);
        flow.openToGuest();
        return true;
    }

    /** Answers a segment that belongs to no connection (RFC 9293, 3.10.7.1). */
    private void reset(PacketView view, long mac, long guestHigh, long guestLow, long remoteHigh, long remoteLow) {
        MemorySegment segment = view.segment();
        long in = view.transportOffset();
        int flags = TcpHeader.flags(segment, in);
        boolean acknowledges = (flags & TcpHeader.ACK) != 0;
        int length = view.transportLength() - TcpHeader.headerLength(segment, in)
                + ((flags & TcpHeader.SYN) != 0 ? 1 : 0) + ((flags & TcpHeader.FIN) != 0 ? 1 : 0);
        long at = core.link.reserve(TcpHeader.SIZE);
        MemorySegment slab = core.link.slab();
        int ours = TcpHeader.destinationPort(segment, in);
        int theirs = TcpHeader.sourcePort(segment, in);
        TcpHeader.set(slab, at, ours, theirs,
                acknowledges ? TcpHeader.acknowledgment(segment, in) : 0,
                acknowledges ? 0 : TcpHeader.sequence(segment, in) + length, TcpHeader.SIZE,
                acknowledges ? TcpHeader.RST : TcpHeader.RST | TcpHeader.ACK, 0);
        long sum = GuestLink.pseudo(remoteHigh, remoteLow, guestHigh, guestLow, IpProtocol.TCP, TcpHeader.SIZE);
        Wire.put16(slab, at + TcpHeader.CHECKSUM, Checksum.finish(Checksum.add(sum, slab, at, TcpHeader.SIZE)));
        core.link.commit(mac, remoteHigh, remoteLow, guestHigh, guestLow, IpProtocol.TCP, 64, TcpHeader.SIZE, 0);
    }
}
