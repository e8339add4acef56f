package dev.vz.samples.cli.net;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkInterface;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.linux.network.TapDevice.Offload;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.advertisement.RouterAdvertisement;
import dev.vz.net.advertisement.RouterAdvertiser;
import dev.vz.net.dhcp.Dhcp6Server;
import dev.vz.net.dhcp.Dhcp6Service;
import dev.vz.net.dhcp.DhcpConfiguration;
import dev.vz.net.dhcp.DhcpServer;
import dev.vz.net.dhcp.DhcpService;
import dev.vz.net.dhcp.LeaseStore;
import dev.vz.net.dns.DnsForwarder;
import dev.vz.net.dns.DnsZone;
import dev.vz.net.dns.SocketUpstream;
import dev.vz.net.gateway.EgressPolicy;
import dev.vz.net.gateway.EgressRequest.Protocol;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayConfiguration;
import dev.vz.net.gateway.PortForward;
import dev.vz.net.ntp.NtpService;
import dev.vz.net.port.TapPort;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz nat}: a user-mode gateway for a TAP. */
@Command(name = "nat", mixinStandardHelpOptions = true, sortOptions = false, header = "A user-mode NAT gateway for a TAP.", description = {
    "", "Makes the TAP, or attaches to one that is persistent, and passes what comes out of it on through",
    "ordinary sockets of this process. Runs until it is ended.",
    ""}, footerHeading = "%n@|bold Examples:|@%n", footer = {
        "  vz nat --tap tap0                            for a guest on tap0, 10.0.2.0/24",
        "  vz nat --netns /run/netns/guest --tap eth0   the TAP is made inside that namespace",
        "  vz nat --tap tap0 --forward tcp:127.0.0.1:8080:10.0.2.15:80",
        "  vz nat --tap tap0 --allow tcp:0.0.0.0/0:443 --allow udp:192.0.2.53/32:53",
        "  vz nat --tap tap0 --dns host --allow tcp:0.0.0.0/0:443 --allow-server '*.example.com'", "",
        "@|bold Exit status:|@ 1 it failed (one line on standard error says why); 2 wrong usage."})
public final class NatCommand implements Callable<Integer> {

    private static final String NUMBERS = "(\\[[0-9a-fA-F:.]+\\]|[0-9.]+)";
    private static final Pattern FORWARD = Pattern
            .compile("(tcp|udp):" + NUMBERS + ":(\\d{1,5}):" + NUMBERS + ":(\\d{1,5})(,proxy)?");
    private static final Pattern ALLOWED = Pattern
            .compile("(tcp|udp|echo):(\\[[0-9a-fA-F:.]+\\]|[0-9.]+)(/\\d{1,3})?(?::(\\d{1,5}))?");

    /** RFC 2132, 8.3. */
    private static final int NTP_SERVERS = 42;

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Option(names = "--tap", paramLabel = "IF", defaultValue = "tap0", description = "The TAP interface (default: ${DEFAULT-VALUE}).")
    private String tap = "tap0";

    @Option(names = "--netns", paramLabel = "PATH", description = "The network namespace of the TAP, for example /run/netns/NAME.")
    private @Nullable Path namespace;

    @Option(names = "--address", paramLabel = "A/BITS", defaultValue = "10.0.2.2/24", description = "The gateway's IPv4 address and its guests' network (default: ${DEFAULT-VALUE}).")
    private String address = "10.0.2.2/24";

    @Option(names = "--address6", paramLabel = "A/BITS", defaultValue = "fd00::2/64", description = "The same for IPv6 (default: ${DEFAULT-VALUE}).")
    private String address6 = "fd00::2/64";

    @Option(names = "--mtu", paramLabel = "BYTES", defaultValue = "1500", description = "Bytes of an IP packet on the TAP (default: ${DEFAULT-VALUE}).")
    private int mtu;

    @Option(names = "--forward", paramLabel = "FORWARD", description = {
        "tcp|udp:HOST-ADDRESS:PORT:GUEST-ADDRESS:PORT[,proxy], IPv6 addresses in brackets. Several.",
        "With proxy, connections start with a PROXY protocol header that names the client."})
    private List<String> forwards = new ArrayList<>();

    @Option(names = "--allow", paramLabel = "RULE", description = {
        "Let guests reach nothing else: tcp|udp|echo:ADDRESS[/BITS][:PORT]. Several."})
    private List<String> allowed = new ArrayList<>();

    @Option(names = "--allow-server", paramLabel = "NAME", description = {
        "Let TLS connections to port 443 go to servers of this name only, or with *.example.com of names below it.",
        "Several. What the guest names in its first message counts; who says none, or tries QUIC, is refused."})
    private List<String> servers = new ArrayList<>();

    @Option(names = "--allow-host", description = "Let guests reach the host's own addresses, not its loopback.")
    private boolean allowHost;

    @Option(names = "--allow-link-local", description = "Let guests reach link-local addresses.")
    private boolean allowLinkLocal;

    @Option(names = "--host-loopback", paramLabel = "ADDRESS", description = "An address that stands for the host's loopback, for example 10.0.2.3.")
    private @Nullable String hostLoopback;

    @Option(names = "--dhcp", paramLabel = "FIRST-LAST", description = "Give guests addresses, for example 10.0.2.15-10.0.2.99.")
    private @Nullable String range;

    @Option(names = "--dhcp-host", paramLabel = "MAC=ADDRESS[=NAME]", description = "An address that belongs to one guest. Several.")
    private List<String> reservations = new ArrayList<>();

    @Option(names = "--leases", paramLabel = "FILE", description = "Where DHCP leases last.")
    private @Nullable Path leases;

    @Option(names = "--dns", paramLabel = "SERVER[:PORT]", description = {
        "Answer guests' questions for names, with the help of this server.",
        "host stands for what /etc/resolv.conf says."})
    private @Nullable String dns;

    @Option(names = "--domain", paramLabel = "NAME", description = "The guests' domain.")
    private @Nullable String domain;

    @Option(names = "--router", description = "Advertise the gateway as IPv6 router, and answer DHCPv6.")
    private boolean router;

    @Option(names = "--ntp", description = "Tell guests the host's time; DHCP names the server.")
    private boolean ntp;

    private GatewayConfiguration configuration() {
        return GatewayConfiguration.standard().withAddresses(IpPrefix.parse(address), IpPrefix.parse(address6))
                .withMtu(mtu).withHost(allowHost).withLinkLocal(allowLinkLocal)
                .withHostLoopback(hostLoopback == null ? null : IpPrefix.parse(hostLoopback)).withPolicy(policy());
    }

    private EgressPolicy policy() {
        return allowed.isEmpty() && servers.isEmpty()
                ? EgressPolicy.allowAll()
                : new NatPolicy(allowed.stream().map(this::rule).toList(), servers);
    }

    private NatPolicy.Rule rule(String text) {
        var parts = ALLOWED.matcher(text);
        if (!parts.matches()) {
            throw wrong("--allow", text, "tcp:192.0.2.0/24:443");
        }
        String bits = parts.group(3) == null ? "" : parts.group(3);
        return new NatPolicy.Rule(Protocol.valueOf(parts.group(1).toUpperCase(java.util.Locale.ROOT)),
                IpPrefix.parse(plain(parts.group(2)) + bits),
                parts.group(4) == null ? 0 : Integer.parseInt(parts.group(4)));
    }

    private PortForward forward(String text) {
        var parts = FORWARD.matcher(text);
        if (!parts.matches()) {
            throw wrong("--forward", text, "tcp:127.0.0.1:8080:10.0.2.15:80");
        }
        return new PortForward(parts.group(1).equals("tcp") ? Protocol.TCP : Protocol.UDP,
                IpPrefix.address(plain(parts.group(2))), Integer.parseInt(parts.group(3)),
                IpPrefix.address(plain(parts.group(4))), Integer.parseInt(parts.group(5)), parts.group(6) != null);
    }

    private ParameterException wrong(String option, String text, String example) {
        return new ParameterException(spec.commandLine(),
                "Invalid value for option '" + option + "': '" + text + "' is not like " + example);
    }

    private static String plain(String address) {
        return address.startsWith("[") ? address.substring(1, address.length() - 1) : address;
    }

    @Override
    public Integer call() throws Exception {
        List<PortForward> wanted = forwards.stream().map(this::forward).toList();
        GatewayConfiguration configuration = configuration();
        var closing = new ArrayList<AutoCloseable>();
        try (var loop = new EpollLoop("nat"); var port = open(loop)) {
            loop.start();
            try (var gateway = new Gateway(loop, port, configuration)) {
                wanted.forEach(gateway::addForward);
                services(gateway, configuration, closing);
                spec.commandLine().getOut().println("vz: " + port + " is connected to " + address);
                spec.commandLine().getOut().flush();
                new CountDownLatch(1).await();
            } finally {
                for (AutoCloseable each : closing) {
                    each.close();
                }
            }
        }
        return 0;
    }

    private void services(Gateway gateway, GatewayConfiguration configuration, List<AutoCloseable> closing) {
        var zone = new DnsZone(domain, InstantSource.system());
        if (range != null) {
            var store = leases == null ? null : new LeaseStore(leases);
            var server = new DhcpServer(dhcp(), store, InstantSource.system());
            server.leases().forEach(zone::lease);
            server.onLease(zone::lease);
            new DhcpService(gateway, server);
        }
        if (ntp) {
            new NtpService(gateway, InstantSource.system());
        }
        if (dns != null) {
            closing.add(new DnsForwarder(gateway, zone, upstream(dns)));
        }
        if (router) {
            IpPrefix prefix = IpPrefix.parse(address6);
            List<Inet6Address> servers = dns == null ? List.of() : List.of((Inet6Address) prefix.address());
            closing.add(new RouterAdvertiser(gateway, new RouterAdvertisement(prefix, mtu,
                    java.time.Duration.ofMinutes(30), false, true, servers, domain)));
            new Dhcp6Service(gateway, new Dhcp6Server(prefix, servers, configuration.mac(), 3600));
        }
    }

    private DhcpConfiguration dhcp() {
        String text = range == null ? "" : range;
        int dash = text.indexOf('-');
        if (dash < 0 || !(IpPrefix.address(text.substring(0, dash)) instanceof Inet4Address first)
                || !(IpPrefix.address(text.substring(dash + 1)) instanceof Inet4Address last)) {
            throw wrong("--dhcp", text, "10.0.2.15-10.0.2.99");
        }
        var dhcp = DhcpConfiguration.of(IpPrefix.parse(address), first, last).withDomain(domain).withMtu(mtu);
        if (ntp) {
            dhcp = dhcp.withOption(NTP_SERVERS, IpPrefix.parse(address).address().getAddress());
        }
        for (String reservation : reservations) {
            String[] words = reservation.split("=");
            if (words.length < 2 || !(IpPrefix.address(words[1]) instanceof Inet4Address own)) {
                throw wrong("--dhcp-host", reservation, "52:54:00:00:00:01=10.0.2.20=web");
            }
            dhcp = dhcp.withReservation(MacAddress.parse(words[0]), own, words.length > 2 ? words[2] : null);
        }
        return dhcp;
    }

    private static SocketUpstream upstream(String text) {
        if (text.equals("host")) {
            return SocketUpstream.of(Path.of("/etc/resolv.conf"));
        }
        int colon = text.lastIndexOf(':');
        boolean withPort = colon > 0 && (text.indexOf(':') == colon || text.charAt(colon - 1) == ']');
        String server = plain(withPort ? text.substring(0, colon) : text);
        int port = withPort ? Integer.parseInt(text.substring(colon + 1)) : 53;
        return new SocketUpstream(List.of(new InetSocketAddress(IpPrefix.address(server), port)));
    }

    private TapPort open(EpollLoop loop) {
        if (namespace == null) {
            return openHere(loop);
        }
        try (var inside = NetworkNamespace.open(namespace)) {
            return inside.call(() -> openHere(loop));
        }
    }

    private TapPort openHere(EpollLoop loop) {
        TapPort port = TapPort.open(tap, EnumSet.allOf(Offload.class), loop);
        try (var itself = NetworkInterface.of(port.name())) {
            itself.setMtu(mtu);
            itself.setUp(true);
        } catch (RuntimeException failure) {
            port.close();
            throw failure;
        }
        return port;
    }
}
