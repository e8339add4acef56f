package dev.vz.net.advertisement;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.event.TimerFd;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayLink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.time.Duration;

/**
 * Advertises a gateway as the router of its guests: at once, every few minutes, and to whoever asks. Says goodbye when it is
 * closed, while the gateway still is there.
 */
public final class RouterAdvertiser implements AutoCloseable {

    private static final MacAddress ALL_NODES_MAC = MacAddress.parse("33:33:00:00:00:01");
    private static final InetAddress ALL_NODES = IpPrefix.address("ff02::1");
    private static final long PERIOD = 200_000_000_000L;

    private final Gateway gateway;
    private final GatewayLink link;
    private final RouterAdvertisement advertisement;
    private final MemorySegment buffer = Arena.ofAuto().allocate(1500);
    private final TimerFd timer = TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC);
    private final EpollLoop.Registration registration;
    private boolean closed;

    /** Begins to advertise. */
    public RouterAdvertiser(Gateway gateway, RouterAdvertisement advertisement) {
        this.gateway = gateway;
        this.advertisement = advertisement;
        link = gateway.link();
        gateway.onRouterSolicitation(this::solicited);
        registration = gateway.loop().register(timer.descriptor(), Readiness.IN, (which, readiness) -> {
            if (timer.take() > 0) {
                gateway.execute(() -> send(ALL_NODES_MAC, ALL_NODES, advertisement));
            }
        });
        timer.armAfter(0, PERIOD);
    }

    // RFC 4861, 6.2.6: an answer may go to the one who asks, which spares the others.
    private void solicited(MacAddress mac, InetAddress source) {
        if (source.isAnyLocalAddress()) {
            send(ALL_NODES_MAC, ALL_NODES, advertisement);
        } else {
            send(mac, source, advertisement);
        }
    }

    private void send(MacAddress to, InetAddress destination, RouterAdvertisement what) {
        byte[] bytes = what.bytes(link.configuration().mac());
        MemorySegment.copy(bytes, 0, buffer, ValueLayout.JAVA_BYTE, 0, bytes.length);
        link.sendDiscovery(to, destination, buffer, 0, bytes.length);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            registration.cancel();
            timer.close();
            gateway.onRouterSolicitation((mac, source) -> {});
            gateway.execute(() -> send(ALL_NODES_MAC, ALL_NODES, advertisement.withLifetime(Duration.ZERO)));
        }
    }
}
