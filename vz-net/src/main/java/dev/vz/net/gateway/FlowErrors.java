package dev.vz.net.gateway;

import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketErrorQueue;
import dev.vz.net.packet.IcmpHeader;

/** Passes ICMP errors that the host's kernel keeps for a flow's socket on to the guest, as coming from whoever sent them. */
final class FlowErrors {

    private static final int QUOTED = 1232;

    private final GatewayCore core;
    private final SocketErrorQueue queue = new SocketErrorQueue(QUOTED);

    FlowErrors(GatewayCore core) {
        this.core = core;
    }

    /** Passes on all that wait, within reason. */
    void takeAll(Flow flow, InternetSocket socket) {
        for (int i = 0; i < 64 && take(flow, socket); i++) {
            // each call takes one
        }
    }

    /** Passes on one error; whether there was one. */
    boolean take(Flow flow, InternetSocket socket) {
        if (queue.take(socket) < 0) {
            // An error that is kept nowhere but in the socket: reading it clears it.
            return socket.option(dev.vz.linux.socket.InternetOption.ERROR) > 0;
        }
        switch (queue.origin()) {
            case SocketErrorQueue.ICMP -> {
                boolean mtu = queue.type() == IcmpHeader.UNREACHABLE
                        && queue.code() == IcmpErrors.FRAGMENTATION_NEEDED;
                pass(flow, mtu ? queue.info() : 0);
            }
            case SocketErrorQueue.ICMP6 -> pass(flow,
                    queue.type() == IcmpHeader.V6_PACKET_TOO_BIG ? queue.info() : 0);
            default -> {
                // The host's own refusal is told where the datagram is sent.
            }
        }
        return true;
    }

    private void pass(Flow flow, int rest) {
        var offender = queue.offender();
        boolean known = offender.family() != 0 && Address.isIpv4(offender.high(), offender.low()) != flow.version6
                && !Address.isLoopback(offender.high(), offender.low());
        long high = known ? offender.high() : core.errors.ownHigh(flow.version6);
        long low = known ? offender.low() : core.errors.ownLow(flow.version6);
        core.errors.about(flow, high, low, queue.type(), queue.code(), rest, queue.data(), 0, queue.dataLength());
    }
}
