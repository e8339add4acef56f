package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.ALL;
import static dev.vz.net.bridge.Stations.mac;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.SpanningTree.State;
import dev.vz.net.port.TapPort;
import dev.vz.testing.Peers;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The Linux bridge as model and as neighbour, in a network namespace of the test's own. */
@Timeout(240)
@SuppressWarnings("NullAway.Init")
class LinuxBridgeTest {

    /** Prints frames in hexadecimal; the seed is its argument. Tags are left out: which ports take them is TopologyTest's. */
    private static final String SCAPY = """
            import random, sys
            from scapy.all import (ARP, DHCP6_Solicit, DNS, Dot3, Ether, GRE, ICMP, ICMPv6ND_NA, ICMPv6ND_RA, IP, IPv6,
                                   LLC, RandIP, RandIP6, Raw, SCTP, SNAP, TCP, UDP, VXLAN, fuzz)
            random.seed(int(sys.argv[1]))

            def station(number):
                return "52:54:00:00:00:%02x" % (number + 1)

            def four():
                return IP(src=RandIP()._fix(), dst=RandIP()._fix(), ttl=random.randrange(256))

            def six():
                return IPv6(src=RandIP6()._fix(), dst=RandIP6()._fix(), hlim=random.randrange(256))

            kinds = [
                lambda: four() / fuzz(UDP()), lambda: four() / fuzz(TCP()), lambda: four() / fuzz(ICMP()),
                lambda: four() / fuzz(SCTP()), lambda: four() / UDP() / fuzz(DNS()), lambda: fuzz(IP()),
                lambda: four() / GRE() / four(), lambda: four() / UDP(dport=4789) / VXLAN() / Ether(),
                lambda: six() / fuzz(TCP()), lambda: six() / UDP() / fuzz(DHCP6_Solicit()),
                lambda: six() / fuzz(ICMPv6ND_NA()), lambda: six() / fuzz(ICMPv6ND_RA()), lambda: fuzz(ARP()),
                lambda: Raw(b"")]
            others = ["ff:ff:ff:ff:ff:ff", "01:00:5e:01:02:03", "33:33:00:00:00:01", "01:80:c2:00:00:0e",
                      "01:80:c2:00:00:03", station(20)]
            for _ in range(300):
                to = random.choice(others + [station(random.randrange(8)) for _ in range(6)])
                source = station(random.randrange(8))
                data = Raw(bytes(random.randrange(256) for _ in range(46 + random.randrange(500))))
                if random.randrange(12) == 0:
                    frame = Dot3(src=source, dst=to) / LLC() / SNAP() / data
                else:
                    frame = Ether(src=source, dst=to) / random.choice(kinds)() / data
                print(bytes(frame)[:1514].hex())
            """;

    private NetworkNamespace namespace;
    private EpollLoop loop;

    @BeforeEach
    void enter() {
        Peers.root();
        Peers.program("ip", "iproute2");
        namespace = NetworkNamespace.create();
        loop = new EpollLoop("bridge test");
    }

    @AfterEach
    void leave() {
        if (loop != null) {
            loop.close();
            namespace.close();
        }
    }

    private void ip(String words) {
        int status = namespace.call(() -> new ProcessBuilder(Stream.concat(Stream.of("ip"),
                Arrays.stream(words.split(" "))).toList()).redirectErrorStream(true).redirectOutput(Redirect.DISCARD)
                .start().waitFor());
        assertThat(status).as("status of ip %s", words).isZero();
    }

    private TapPort slave(String name) {
        TapPort tap = namespace.call(() -> TapPort.open(name, loop));
        ip("link set " + name + " master br0 up");
        return tap;
    }

    private void poll(int millis) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        while (System.nanoTime() < end) {
            loop.poll(1);
        }
    }

    private static List<byte[]> own(Collector collector) {
        // The bridge's interfaces speak IPv6 by themselves.
        return collector.take().stream().filter(frame -> (frame[12] & 0xFF) == Frames.LOCAL_TYPE >>> 8).toList();
    }

    @Test
    void randomTrafficIsDeliveredAsTheLinuxBridgeDoes() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        compare(seed, Stream.generate(() -> {
            long[] to = {ALL, 0x0100_5E01_0203L, mac(random.nextInt(8)), mac(random.nextInt(8)),
                mac(random.nextInt(8)), mac(20), 0x0180_C200_000EL, 0x0180_C200_0003L};
            byte[] payload = new byte[46 + random.nextInt(1400)];
            random.nextBytes(payload);
            return Frames.ethernet(to[random.nextInt(to.length)], mac(random.nextInt(8)), Frames.LOCAL_TYPE, payload);
        }).limit(250).toList());
    }

    /** Protocols of all sorts, their fields and lengths made up: what lies behind an Ethernet header is not the switch's. */
    @Test
    void whatScapyMakesUpIsDeliveredAsTheLinuxBridgeDoes() throws Exception {
        Path python = Path.of("/usr/bin/python3");
        Peers.require(Files.exists(python)
                && new ProcessBuilder(python.toString(), "-c", "import scapy.all").start().waitFor() == 0,
                "python3-scapy is not installed");
        long seed = System.nanoTime();
        Process scapy = new ProcessBuilder(python.toString(), "-c", SCAPY, Long.toString(seed))
                .redirectError(Redirect.DISCARD).start();
        List<String> made;
        try (var reader = scapy.inputReader()) {
            made = reader.lines().toList();
        }
        assertThat(scapy.waitFor()).isZero();
        assertThat(made).hasSize(300);
        compare(seed, made.stream().map(HexFormat.of()::parseHex).toList());
    }

    /** Sends each frame from some port of a bridge and of a switch, and compares where it arrives. */
    private void compare(long seed, List<byte[]> frames) {
        int count = 5;
        var random = new Random(seed);
        ip("link add br0 type bridge mcast_snooping 0 stp_state 0 forward_delay 0");
        ip("link set br0 up");
        bridgeOnly();
        var taps = new ArrayList<TapPort>();
        var theirs = new ArrayList<Collector>();
        try (var net = new Stations(SwitchSettings.standard())) {
            for (int i = 0; i < count; i++) {
                taps.add(slave("tb" + i));
                theirs.add(Collector.on(taps.get(i)));
                boolean isolated = i >= 3;
                if (isolated) {
                    ip("link set tb" + i + " type bridge_slave isolated on");
                }
                net.add(PortSettings.standard().withIsolation(isolated));
            }
            LinuxBridges.awaitForwarding(namespace, loop, count);
            theirs.forEach(Collector::take);
            int delivered = 0;
            for (int step = 0; step < frames.size(); step++) {
                byte[] frame = frames.get(step);
                int from = random.nextInt(count);
                Frames.send(taps.get(from), frame);
                net.send(from, frame);
                var expected = IntStream.range(0, count).mapToObj(i -> occurrences(frame, net.got(i))).toList();
                var found = new int[count];
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                // What is expected is waited for; what is not has a moment to come all the same.
                do {
                    loop.poll(1);
                    for (int i = 0; i < count; i++) {
                        found[i] += occurrences(frame, theirs.get(i).take());
                    }
                } while (System.nanoTime() < end
                        && IntStream.range(0, count).anyMatch(i -> found[i] < expected.get(i)));
                loop.poll(0);
                assertThat(Arrays.stream(found).boxed().toList())
                        .as("step %d of seed %d: from %d, %s to %s: %s", step, seed, from, MacAddress.of(frame, 6),
                                MacAddress.of(frame, 0), HexFormat.of().formatHex(frame))
                        .isEqualTo(expected);
                delivered += Arrays.stream(found).sum();
            }
            assertThat(delivered).isGreaterThan(frames.size() / 2);
        } finally {
            taps.forEach(TapPort::close);
        }
    }

    /** Where the kernel's packet filter sees bridged frames, it drops IP headers that make no sense. That is not the bridge. */
    private void bridgeOnly() {
        for (String table : List.of("iptables", "ip6tables", "arptables")) {
            namespace.call(() -> {
                Path filters = Path.of("/proc/sys/net/bridge/bridge-nf-call-" + table);
                return Files.exists(filters) ? Files.writeString(filters, "0") : filters;
            });
        }
    }

    /** How many of {@code arrived} are that frame: the bridge's interfaces speak by themselves, too. */
    private static int occurrences(byte[] frame, List<byte[]> arrived) {
        return (int) arrived.stream().filter(other -> Arrays.equals(frame, other)).count();
    }

    @Test
    void aLoopWithALinuxBridgeIsOpenedByTheSpanningTree() {
        ip("link add br0 type bridge mcast_snooping 0 stp_state 1 forward_delay 400 hello_time 100 max_age 600"
                + " priority 4096");
        ip("link set br0 up");
        var settings = SwitchSettings.standard().withSpanningTree(new MacAddress(0x0256_0000_0001L), 32768)
                .withTimes(Duration.ofSeconds(4), Duration.ofSeconds(1), Duration.ofSeconds(6));
        try (var network = new VirtualSwitch("loop", settings); var station = new LinkPair("s", LinkFeatures.all());
                var timer = new SwitchLoop(network, loop)) {
            SwitchPort first = network.add(slave("tl0"), PortSettings.standard());
            SwitchPort second = network.add(slave("tl1"), PortSettings.standard());
            network.add(station.a(), PortSettings.standard().withTrust(true, true, false));
            TapPort other = slave("tl2");
            Collector far = Collector.on(other);
            Collector near = Collector.on(station.b());
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(90);
            while (System.nanoTime() < end && (network.state(first) != State.FORWARDING
                    || network.state(second) != State.BLOCKING)) {
                poll(100);
            }
            // The Linux bridge is root; of our two ways to it, the one to its lower port stays open.
            assertThat(network.state(first)).isEqualTo(State.FORWARDING);
            assertThat(network.state(second)).isEqualTo(State.BLOCKING);
            LinuxBridges.awaitForwarding(namespace, loop, 3);
            own(far);
            own(near);
            Frames.send(station.b(), Frames.ethernet(ALL, mac(0), Frames.LOCAL_TYPE, new byte[46]));
            Frames.send(other, Frames.ethernet(ALL, mac(1), Frames.LOCAL_TYPE, new byte[46]));
            var atFar = new ArrayList<byte[]>();
            var atNear = new ArrayList<byte[]>();
            end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (System.nanoTime() < end && (atFar.isEmpty() || atNear.isEmpty())) {
                poll(10);
                atFar.addAll(own(far));
                atNear.addAll(own(near));
            }
            // In a loop more would follow, many times a second.
            poll(500);
            atFar.addAll(own(far));
            atNear.addAll(own(near));
            assertThat(atFar).hasSize(1);
            assertThat(atNear).hasSize(1);
            assertThat(timer).isNotNull();
            other.close();
        }
    }
}
