package dev.vz.samples.cli.device;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.IpPrefix;
import dev.vz.net.dhcp.DhcpConfiguration;
import dev.vz.net.dhcp.DhcpServer;
import dev.vz.net.dhcp.DhcpService;
import dev.vz.net.dns.DnsForwarder;
import dev.vz.net.dns.DnsZone;
import dev.vz.net.dns.SocketUpstream;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayConfiguration;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * A network of one guest's own: 10.0.2.0/24 with a gateway at 10.0.2.2 that passes connections on through sockets of this
 * process, gives the guest an address by DHCP, and answers its questions for names with the help of the host's servers.
 * Nothing of the host's is reachable but what the caller opens. Closed after the card that uses it.
 */
final class UserNetwork implements AutoCloseable {

    private static final String GATEWAY = "10.0.2.2/24";
    private static final String FIRST = "10.0.2.15";
    private static final String LAST = "10.0.2.99";
    private static final Path SERVERS = Path.of("/etc/resolv.conf");

    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private final LinkPort guest;

    UserNetwork(@Nullable InetAddress loopback) {
        try {
            var cable = own(new LinkPair("user network", LinkFeatures.all()));
            guest = cable.a();
            var loop = own(new EpollLoop("vz-user-network"));
            loop.start();
            GatewayConfiguration configuration = GatewayConfiguration.standard();
            if (loopback != null) {
                configuration = configuration.withHostLoopback(IpPrefix.parse(loopback.getHostAddress()));
            }
            var gateway = own(new Gateway(loop, cable.b(), configuration));
            serve(gateway);
        } catch (RuntimeException | Error failure) {
            close();
            throw failure;
        }
    }

    private void serve(Gateway gateway) {
        var zone = new DnsZone(null, InstantSource.system());
        var server = new DhcpServer(DhcpConfiguration.of(IpPrefix.parse(GATEWAY),
                (Inet4Address) IpPrefix.address(FIRST), (Inet4Address) IpPrefix.address(LAST)), null,
                InstantSource.system());
        server.onLease(zone::lease);
        var _ = new DhcpService(gateway, server);
        if (Files.isReadable(SERVERS)) {
            own(new DnsForwarder(gateway, zone, SocketUpstream.of(SERVERS)));
        }
    }

    private <R extends AutoCloseable> R own(R part) {
        parts.push(part);
        return part;
    }

    /** The guest's end. */
    LinkPort port() {
        return guest;
    }

    @Override
    public void close() {
        Closing.all(parts);
    }
}
