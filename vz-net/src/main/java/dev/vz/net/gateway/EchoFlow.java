package dev.vz.net.gateway;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.net.packet.IpProtocol;
import org.jspecify.annotations.Nullable;

/** Echo requests of one identifier to one destination, and their replies. {@link Flow#guestPort} is the identifier. */
final class EchoFlow extends Flow {

    private final GatewayCore core;
    final InternetSocket socket;
    /** The identifier that a raw socket sends with; one without privileges is given its own by the kernel. */
    final int identifier;
    EpollLoop.@Nullable Registration registration;
    int hops = -1;
    int sequence;
    private long lastActive;

    EchoFlow(GatewayCore core, Guest guest, long guestHigh, long guestLow, int identifier, long remoteHigh,
            long remoteLow, InternetSocket socket, int ownIdentifier) {
        super(Address.isIpv4(guestHigh, guestLow) ? IpProtocol.ICMP : IpProtocol.ICMPV6, guest, guestHigh, guestLow,
                identifier, remoteHigh, remoteLow, 0);
        this.core = core;
        this.socket = socket;
        this.identifier = ownIdentifier;
        touch();
        core.timers.arm(this, lastActive + timeout());
    }

    void touch() {
        lastActive = core.now;
        if (!spare) {
            guest.offer(this);
        }
    }

    private long timeout() {
        return core.configuration.limits().udpIdle().toNanos();
    }

    @Override
    int quotedWord() {
        return guestPort << 16 | sequence;
    }

    @Override
    void expired(long now) {
        if (lastActive + timeout() - now <= 0) {
            abandon();
        } else {
            core.timers.arm(this, lastActive + timeout());
        }
    }

    @Override
    void abandon() {
        if (tabled) {
            if (registration != null) {
                registration.cancel();
            }
            socket.close();
            core.end(this);
        }
    }
}
