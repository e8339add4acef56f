package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.link.FrameBatch;
import dev.vz.link.FrameSink;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.IpPrefix;
import dev.vz.net.advertisement.RouterAdvertisement;
import dev.vz.net.advertisement.RouterAdvertiser;
import dev.vz.net.capture.CaptureWriter;
import dev.vz.net.capture.CapturingPort;
import dev.vz.net.dhcp.Dhcp6Server;
import dev.vz.net.dhcp.Dhcp6Service;
import dev.vz.net.dhcp.DhcpConfiguration;
import dev.vz.net.dhcp.DhcpServer;
import dev.vz.net.dhcp.DhcpService;
import dev.vz.net.dns.DnsForwarder;
import dev.vz.net.dns.DnsZone;
import dev.vz.net.dns.SocketUpstream;
import dev.vz.testing.Peers;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The programs that guests configure themselves with, against the gateway's services; and Wireshark's opinion of it all. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
@SuppressWarnings("NullAway.Init")
class ServiceProgramsTest {

    @TempDir
    private Path folder;

    private CaptureWriter capture;
    private Testbed bed;
    private RouterAdvertiser advertiser;
    private DnsForwarder names;
    private DhcpServer dhcp;

    @BeforeEach
    void networks() {
        Testbed.require();
        capture = CaptureWriter.create(folder.resolve("all.pcapng"));
        var configuration = GatewayConfiguration.standard();
        bed = new Testbed(configuration, 1500, tap -> new CapturingPort(new Finished(tap), capture));
        dhcp = new DhcpServer(DhcpConfiguration.of("10.0.2.2/24", "10.0.2.50", "10.0.2.250").withDomain("guests.test"),
                null, InstantSource.system());
        new DhcpService(bed.gateway, dhcp);
        var prefix = IpPrefix.parse("fd00::2/64");
        var servers = List.of((Inet6Address) prefix.address());
        advertiser = new RouterAdvertiser(bed.gateway, new RouterAdvertisement(prefix, 1500, Duration.ofMinutes(30),
                false, true, servers, "guests.test"));
        new Dhcp6Service(bed.gateway, new Dhcp6Server(prefix, servers, configuration.mac(), 3600));
        var zone = new DnsZone("guests.test", InstantSource.system());
        zone.add("web", IpPrefix.address("10.0.2.80"));
        zone.add("web", IpPrefix.address("fd00::80"));
        zone.add("allowed", IpPrefix.address(Testbed.SERVER));
        names = new DnsForwarder(bed.gateway, zone,
                new SocketUpstream(List.of(new InetSocketAddress(IpPrefix.address("192.0.2.1"), 53))));
    }

    @AfterEach
    void vanish() {
        if (bed != null) {
            assertThat(bed.gateway.statistics().failures()).isZero();
            advertiser.close();
            names.close();
            bed.close();
            capture.close();
        }
    }

    /** A port that does none of the work for its sender: all that is sent is as the wire would carry it. */
    private static final class Finished implements LinkPort {
        private final LinkPort port;

        Finished(LinkPort port) {
            this.port = port;
        }

        @Override
        public String name() {
            return port.name();
        }

        @Override
        public LinkFeatures features() {
            return LinkFeatures.none().withMtu(1500);
        }

        @Override
        public int send(FrameBatch batch) {
            return port.send(batch);
        }

        @Override
        public void receive(@Nullable FrameSink sink) {
            port.receive(sink);
        }

        @Override
        public boolean isUp() {
            return port.isUp();
        }

        @Override
        public void onChange(@Nullable Runnable listener) {
            port.onChange(listener);
        }

        @Override
        public void close() {
            port.close();
        }
    }

    private static String run(NetworkNamespace where, String... command) {
        return where.call(() -> Testbed.run(command));
    }

    private Path script(String... lines) throws Exception {
        Path file = Files.writeString(folder.resolve("script"), "#!/bin/sh\n" + String.join("\n", lines) + "\n");
        assertThat(file.toFile().setExecutable(true)).isTrue();
        return file;
    }

    private void udhcpc() throws Exception {
        Peers.program("udhcpc", "udhcpc");
        Path said = script("echo \"$1 address $ip router $router domain $domain server $serverid\"");
        String output = run(bed.guest, "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "30", "-T", "2", "-s",
                said.toString(), "-x", "hostname:first");
        assertThat(output).containsPattern(
                "bound address 10\\.0\\.2\\.\\d+ router 10\\.0\\.2\\.2 domain guests\\.test server 10\\.0\\.2\\.2");
    }

    private void dhclient() {
        Peers.program("dhclient", "isc-dhcp-client");
        String leases = folder.resolve("leases").toString();
        String output = run(bed.guest, "dhclient", "-4", "-1", "-v", "-sf", "/bin/true", "-lf", leases, "-pf",
                folder.resolve("pid").toString(), "eth0");
        try {
            assertThat(output).contains("DHCPACK of 10.0.2.").contains("from 10.0.2.2");
            assertThat(Path.of(leases)).content().contains("option routers 10.0.2.2;")
                    .contains("option domain-name \"guests.test\";");
        } finally {
            run(bed.guest, "dhclient", "-4", "-r", "-sf", "/bin/true", "-lf", leases, "-pf",
                    folder.resolve("pid").toString(), "eth0");
        }
    }

    @Test
    void aClientOfDhcp6GetsAnAddressAndTheNameServer() throws Exception {
        Peers.program("dhclient", "isc-dhcp-client");
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!run(bed.guest, "ip", "-6", "address", "show", "dev", "eth0", "scope", "link", "-tentative")
                .contains("fe80:")) {
            assertThat(System.nanoTime() - end).as("nanoseconds past the wait for an address of the link").isNegative();
            Thread.sleep(50);
        }
        String leases = folder.resolve("leases6").toString();
        String[] common = {"-sf", "/bin/true", "-lf", leases, "-pf", folder.resolve("pid6").toString(), "eth0"};
        run(bed.guest, Stream.concat(Stream.of("dhclient", "-6", "-1", "-v"), Stream.of(common))
                .toArray(String[]::new));
        try {
            assertThat(Path.of(leases)).content().containsPattern("iaaddr fd00::[0-9a-f:]+ \\{")
                    .contains("option dhcp6.name-servers fd00::2;");
        } finally {
            run(bed.guest, Stream.concat(Stream.of("dhclient", "-6", "-x"), Stream.of(common))
                    .toArray(String[]::new));
        }
    }

    @Test
    void aPolicyDecidesByTheNameThatTheGuestAskedFor() throws Exception {
        Peers.program("dig", "bind9-dnsutils");
        bed.gateway.setPolicy(request -> request.names().contains("allowed.guests.test")
                ? EgressPolicy.Decision.ALLOW
                : EgressPolicy.Decision.REJECT);
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 7402)) {
            var server = new InetSocketAddress(IpPrefix.address(Testbed.SERVER), 7402);
            try (var guest = bed.guestSocket()) {
                assertThatThrownBy(() -> guest.connect(server)).isInstanceOf(SocketException.class);
            }
            assertThat(run(bed.guest, "dig", "+short", "@10.0.2.2", "allowed.guests.test").strip())
                    .isEqualTo(Testbed.SERVER);
            try (var guest = bed.guestSocket()) {
                guest.connect(server);
                assertThat(guest.isConnected()).isTrue();
                listener.accept().close();
            }
        }
    }

    private void rdisc6() {
        Peers.program("rdisc6", "ndisc6");
        assertThat(run(bed.guest, "rdisc6", "-1", "-r", "20", "-w", "3000", "eth0")).contains("fd00::/64")
                .containsPattern("MTU +: +1500").contains("Recursive DNS server").contains("guests.test");
    }

    private void dig() {
        Peers.program("dig", "bind9-dnsutils");
        for (String way : new String[] {"+notcp", "+tcp"}) {
            assertThat(run(bed.guest, "dig", "+short", way, "@10.0.2.2", "web.guests.test", "A").strip())
                    .isEqualTo("10.0.2.80");
            assertThat(run(bed.guest, "dig", "+short", way, "@fd00::2", "web.guests.test", "AAAA").strip())
                    .isEqualTo("fd00::80");
        }
        assertThat(run(bed.guest, "dig", "@10.0.2.2", "nobody.guests.test")).contains("NXDOMAIN");
        assertThat(run(bed.guest, "dig", "+short", "@10.0.2.2", "-x", "10.0.2.80").strip())
                .isEqualTo("web.guests.test.");
    }

    @Test
    void clientsConfigureThemselvesAndFindNames() throws Exception {
        udhcpc();
        dhclient();
        rdisc6();
        dig();
    }

    @Test
    void perfdhcpGetsHundredsOfLeasesASecond() {
        Peers.program("perfdhcp", "kea-admin");
        // Its status is 3 if one answer was lost, as where it is kept from reading for so long that its socket runs over.
        String report = run(bed.guest, "sh", "-c", "perfdhcp -4 -r 600 -R 150 -p 3 -d 60 -B -l eth0"
                + " 255.255.255.255 || [ $? = 3 ]");
        var rate = Pattern.compile("Rate: ([0-9.]+) 4-way exchanges/second").matcher(report);
        assertThat(rate.find()).as(report).isTrue();
        assertThat(Double.parseDouble(rate.group(1))).as(report).isGreaterThan(100);
        var drops = Pattern.compile("drops ratio: ([0-9.]+) %").matcher(report);
        while (drops.find()) {
            assertThat(Double.parseDouble(drops.group(1))).as(report).isLessThan(50);
        }
        assertThat(dhcp.leases()).hasSizeBetween(100, 201);
    }

    @Test
    void dnsperfLosesNoAnswer() throws Exception {
        Peers.program("dnsperf", "dnsperf");
        Path questions = Files.writeString(folder.resolve("questions"), "web.guests.test A\nweb.guests.test AAAA\n",
                StandardCharsets.US_ASCII);
        String report = run(bed.guest, "dnsperf", "-s", "10.0.2.2", "-d", questions.toString(), "-n", "2000", "-t",
                "60", "-c", "4");
        var done = Pattern.compile("Queries completed: +(\\d+) \\(([0-9.]+)%\\)").matcher(report);
        assertThat(done.find()).as(report).isTrue();
        assertThat(Long.parseLong(done.group(1))).as(report).isGreaterThan(3980);
        assertThat(Double.parseDouble(done.group(2))).as(report).isGreaterThan(99.5);
    }

    @Test
    void wiresharkFindsNoMalformedFrameAndNoWrongChecksum() throws Exception {
        Peers.program("tshark", "tshark");
        clientsConfigureThemselvesAndFindNames();
        Peers.program("ping", "iputils-ping");
        for (String server : new String[] {Testbed.SERVER, Testbed.SERVER6}) {
            run(bed.guest, "ping", "-c", "2", "-i", "0.2", "-w", "60", "-s", "3000", server);
            try (var listener = bed.listener(bed.server, server, 7400); var guest = bed.guestSocket()) {
                guest.connect(new InetSocketAddress(IpPrefix.address(server), 7400));
                try (var peer = listener.accept()) {
                    peer.socket().getOutputStream().write(new byte[200_000]);
                    assertThat(guest.socket().getInputStream().readNBytes(200_000)).hasSize(200_000);
                    guest.socket().getOutputStream().write(new byte[50_000]);
                    assertThat(peer.socket().getInputStream().readNBytes(50_000)).hasSize(50_000);
                }
            }
            try (var refused = bed.datagrams(bed.guest); var echo = bed.datagrams(bed.server);
                    var asking = bed.datagrams(bed.guest)) {
                refused.send(java.nio.ByteBuffer.allocate(40), new InetSocketAddress(IpPrefix.address(server), 9));
                echo.bind(new InetSocketAddress(IpPrefix.address(server), 7401));
                asking.connect(echo.getLocalAddress());
                asking.write(java.nio.ByteBuffer.allocate(3000));
                var datagram = java.nio.ByteBuffer.allocate(4000);
                var from = echo.receive(datagram);
                echo.send(datagram.flip(), from);
                assertThat(asking.read(java.nio.ByteBuffer.allocate(4000))).isEqualTo(3000);
            }
        }
        capture.flush();
        String file = folder.resolve("all.pcapng").toString();
        String ours = "eth.src == " + GatewayConfiguration.standard().mac();
        String wrong = "_ws.malformed || _ws.expert.severity == error || ip.checksum.status == \"Bad\""
                + " || tcp.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\" || icmp.checksum.status == \"Bad\""
                + " || icmpv6.checksum.status == \"Bad\"";
        assertThat(tshark(file, ours).lines().count()).isGreaterThan(200);
        assertThat(tshark(file, ours + " && (" + wrong + ")")).isEmpty();
    }

    private static String tshark(String file, String filter) throws Exception {
        var process = new ProcessBuilder("tshark", "-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-o",
                "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", filter)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        return output;
    }
}
