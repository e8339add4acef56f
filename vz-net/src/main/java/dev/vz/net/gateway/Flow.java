package dev.vz.net.gateway;

import org.jspecify.annotations.Nullable;

/**
 * One conversation between a guest and a remote end, and its place in the gateway's tables. The links are intrusive, so
 * that nothing is allocated while a flow lives.
 */
abstract class Flow extends Timed {

    final int protocol;
    final Guest guest;
    final long guestHigh;
    final long guestLow;
    final int guestPort;
    final long remoteHigh;
    final long remoteLow;
    final int remotePort;
    final boolean version6;

    /** Where it is in the {@link FlowTable}. */
    int hash;
    boolean tabled;

    /** Where it is among the flows that its guest can best do without. */
    @Nullable
    Flow spareNext;
    @Nullable
    Flow sparePrevious;
    boolean spare;

    Flow(int protocol, Guest guest, long guestHigh, long guestLow, int guestPort, long remoteHigh, long remoteLow,
            int remotePort) {
        this.protocol = protocol;
        this.guest = guest;
        this.guestHigh = guestHigh;
        this.guestLow = guestLow;
        this.guestPort = guestPort;
        this.remoteHigh = remoteHigh;
        this.remoteLow = remoteLow;
        this.remotePort = remotePort;
        this.version6 = !Address.isIpv4(guestHigh, guestLow);
    }

    final boolean is(int protocol, long guestHigh, long guestLow, int guestPort, long remoteHigh, long remoteLow,
            int remotePort) {
        return this.guestPort == guestPort && this.remotePort == remotePort && this.guestLow == guestLow
                && this.remoteLow == remoteLow && this.protocol == protocol && this.guestHigh == guestHigh
                && this.remoteHigh == remoteHigh;
    }

    /** The second word of the transport header that an ICMP error quotes: a TCP sequence number. */
    int quotedWord() {
        return 0;
    }

    /** Ends it at once, to make room or because the gateway closes; tells the guest where that is possible. */
    abstract void abandon();

    @Override
    public String toString() {
        return "flow of protocol " + protocol + " from " + Address.toInet(guestHigh, guestLow).getHostAddress()
                + " port "
                + guestPort + " to " + Address.toInet(remoteHigh, remoteLow).getHostAddress() + " port " + remotePort;
    }
}
