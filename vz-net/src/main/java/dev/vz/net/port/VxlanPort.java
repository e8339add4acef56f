package dev.vz.net.port;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** A tunnel of a {@link VxlanEndpoint}, which does the work. */
final class VxlanPort implements LinkPort {

    final int vni;
    final long high;
    final long low;
    final int remotePort;

    private final VxlanEndpoint endpoint;
    private final String name;
    private final LinkFeatures features;
    private final PortCounters counters = new PortCounters();
    private volatile @Nullable FrameSink sink;
    private volatile @Nullable Runnable listener;
    private volatile boolean closed;

    VxlanPort(VxlanEndpoint endpoint, int vni, InetAddress remote, int remotePort, int mtu) {
        this.endpoint = endpoint;
        this.vni = vni;
        this.remotePort = remotePort;
        high = VxlanEndpoint.high(remote);
        low = VxlanEndpoint.low(remote);
        name = "vxlan " + vni + " to " + remote.getHostAddress();
        features = LinkFeatures.none().withMtu(mtu);
    }

    PortCounters counters() {
        return counters;
    }

    void deliver(FrameBatch batch) {
        Deliveries.deliver(batch, sink, counters);
    }

    void changed() {
        Runnable waiting = listener;
        if (waiting != null) {
            waiting.run();
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public LinkFeatures features() {
        return features;
    }

    @Override
    public int send(FrameBatch batch) {
        return closed ? 0 : endpoint.send(this, batch);
    }

    @Override
    public void receive(@Nullable FrameSink sink) {
        this.sink = sink;
    }

    @Override
    public boolean isUp() {
        return !closed;
    }

    @Override
    public void onChange(@Nullable Runnable listener) {
        this.listener = listener;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            sink = null;
            endpoint.remove(this);
        }
    }

    @Override
    public String toString() {
        return "tunnel " + name + " port " + remotePort;
    }
}
