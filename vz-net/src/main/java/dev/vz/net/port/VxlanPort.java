package dev.vz.net.port;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import java.net.InetAddress;

/** A tunnel of a {@link VxlanEndpoint}, which does the work. */
final class VxlanPort extends ReceivingPort {

    final int vni;
    final long high;
    final long low;
    final int remotePort;

    private final VxlanEndpoint endpoint;
    private volatile boolean closed;

    VxlanPort(VxlanEndpoint endpoint, int vni, InetAddress remote, int remotePort, int mtu) {
        super("vxlan " + vni + " to " + remote.getHostAddress(), LinkFeatures.none().withMtu(mtu));
        this.endpoint = endpoint;
        this.vni = vni;
        this.remotePort = remotePort;
        high = VxlanEndpoint.high(remote);
        low = VxlanEndpoint.low(remote);
    }

    @Override
    public int send(FrameBatch batch) {
        return closed ? 0 : endpoint.send(this, batch);
    }

    @Override
    public boolean isUp() {
        return !closed;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            receive(null);
            endpoint.remove(this);
        }
    }

    @Override
    public String toString() {
        return "tunnel " + name() + " port " + remotePort;
    }
}
