package dev.vz.samples.cli;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.IpPrefix;
import dev.vz.net.gateway.EgressRequest;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayConfiguration;
import dev.vz.net.gateway.PortForward;
import dev.vz.net.port.TapPort;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vz nat}: a user-mode gateway for a TAP. */
@Command(name = "nat", mixinStandardHelpOptions = true, versionProvider = Vz.Version.class, sortOptions = false, header = "A user-mode NAT gateway for a TAP.", description = {
    "",
    "Makes the TAP, or attaches to one that is persistent, and passes what comes out of it on through ordinary "
            + "sockets of this process. Runs until it is ended.",
    ""}, footerHeading = "%n@|bold Examples:|@%n", footer = {
        "  vz nat --tap tap0                            for a guest on tap0, 10.0.2.0/24",
        "  vz nat --netns /run/netns/guest --tap eth0   the TAP is made inside that namespace",
        "  vz nat --tap tap0 --forward tcp:127.0.0.1:8080:10.0.2.15:80", "",
        "@|bold Exit status:|@ 1 it failed (one line on standard error says why); 2 wrong usage."})
final class NatCommand implements Callable<Integer> {

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

    @Option(names = "--forward", paramLabel = "FORWARD", description = "tcp|udp:HOST-ADDRESS:PORT:GUEST-ADDRESS:PORT, IPv6 addresses in brackets. May be repeated.")
    private List<String> forwards = new ArrayList<>();

    @Option(names = "--allow-host", description = "Let guests reach the host's own addresses, not its loopback.")
    private boolean allowHost;

    @Option(names = "--allow-link-local", description = "Let guests reach link-local addresses.")
    private boolean allowLinkLocal;

    @Option(names = "--host-loopback", paramLabel = "ADDRESS", description = "An address that stands for the host's loopback, for example 10.0.2.3.")
    private @Nullable String hostLoopback;

    private GatewayConfiguration configuration() {
        return GatewayConfiguration.standard().withAddresses(IpPrefix.parse(address), IpPrefix.parse(address6))
                .withMtu(mtu).withHost(allowHost).withLinkLocal(allowLinkLocal)
                .withHostLoopback(hostLoopback == null ? null : IpPrefix.parse(hostLoopback));
    }

    private PortForward forward(String text) {
        String address = "(\\[[0-9a-fA-F:.]+\\]|[0-9.]+)";
        var parts = java.util.regex.Pattern.compile("(tcp|udp):" + address + ":(\\d{1,5}):" + address + ":(\\d{1,5})")
                .matcher(text);
        if (!parts.matches()) {
            throw new ParameterException(spec.commandLine(), "Invalid value for option '--forward': '" + text
                    + "' is not like tcp:127.0.0.1:8080:10.0.2.15:80");
        }
        var protocol = parts.group(1).equals("tcp") ? EgressRequest.Protocol.TCP : EgressRequest.Protocol.UDP;
        return new PortForward(protocol, IpPrefix.address(plain(parts.group(2))), Integer.parseInt(parts.group(3)),
                IpPrefix.address(plain(parts.group(4))), Integer.parseInt(parts.group(5)), false);
    }

    private static String plain(String address) {
        return address.startsWith("[") ? address.substring(1, address.length() - 1) : address;
    }

    @Override
    public Integer call() throws InterruptedException {
        List<PortForward> wanted = forwards.stream().map(this::forward).toList();
        try (var loop = new EpollLoop("nat"); var port = open(loop)) {
            loop.start();
            try (var gateway = new Gateway(loop, port, configuration())) {
                wanted.forEach(gateway::addForward);
                spec.commandLine().getOut().println("vz: " + port + " is connected to " + address);
                spec.commandLine().getOut().flush();
                new CountDownLatch(1).await();
            }
        }
        return Vz.DONE;
    }

    private TapPort open(EpollLoop loop) {
        if (namespace == null) {
            return TapPort.open(tap, loop);
        }
        try (var inside = NetworkNamespace.open(namespace)) {
            return inside.call(() -> TapPort.open(tap, loop));
        }
    }
}
