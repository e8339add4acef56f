package dev.vz.net.gateway;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.net.packet.IpProtocol;
import org.jspecify.annotations.Nullable;

/**
 * Datagrams between a guest's port and a remote one. A flow that the guest began has a connected socket of its own, so that
 * the kernel tells its ICMP errors; one that a client of a port forward began goes through the forward's socket.
 */
final class UdpFlow extends Flow {

    /** How much older a flow's place among the spare ones may be than its last use. */
    private static final long STALE = 1_000_000_000L;

    private final GatewayCore core;
    final InternetSocket socket;
    /** Whether {@link #socket} is a forward's; then {@link #peerHigh} and so on say whom to send to. */
    final boolean shared;
    final long peerHigh;
    final long peerLow;
    final int peerPort;
    EpollLoop.@Nullable Registration registration;
    int hops = -1;
    int pathMtuMode = -1;
    boolean joins = true;
    private long lastActive;
    private long lastOffered;
    private boolean fromGuest;
    private boolean fromHost;

    UdpFlow(GatewayCore core, Guest guest, long guestHigh, long guestLow, int guestPort, long remoteHigh,
            long remoteLow,
            int remotePort, InternetSocket socket, boolean shared, long peerHigh, long peerLow, int peerPort) {
        super(IpProtocol.UDP, guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort);
        this.core = core;
        this.socket = socket;
        this.shared = shared;
        this.peerHigh = peerHigh;
        this.peerLow = peerLow;
        this.peerPort = peerPort;
        touch();
        core.timers.arm(this, lastActive + core.configuration.limits().udpIdle().toNanos());
    }

    void usedByGuest() {
        fromGuest = true;
        touch();
    }

    void usedByHost() {
        fromHost = true;
        touch();
    }

    private void touch() {
        lastActive = core.now;
        if (!spare || lastActive - lastOffered > STALE) {
            lastOffered = lastActive;
            guest.offer(this);
        }
    }

    @Override
    void expired(long now) {
        GatewayLimits limits = core.configuration.limits();
        long end = lastActive + (fromGuest && fromHost ? limits.udpStream() : limits.udpIdle()).toNanos();
        if (end - now <= 0) {
            abandon();
        } else {
            core.timers.arm(this, end);
        }
    }

    @Override
    void abandon() {
        if (!tabled) {
            return;
        }
        if (registration != null) {
            registration.cancel();
        }
        if (!shared) {
            socket.close();
        }
        core.end(this);
    }
}
