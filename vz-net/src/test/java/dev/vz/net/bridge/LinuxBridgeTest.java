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
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
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
@Timeout(60)
@SuppressWarnings("NullAway.Init")
class LinuxBridgeTest {

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
        int count = 5;
        ip("link add br0 type bridge mcast_snooping 0 stp_state 0 forward_delay 0");
        ip("link set br0 up");
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
            poll(300);
            theirs.forEach(Collector::take);
            long seed = System.nanoTime();
            var random = new Random(seed);
            for (int step = 0; step < 250; step++) {
                int from = random.nextInt(count);
                long source = mac(random.nextInt(8));
                long[] to = {ALL, 0x0100_5E01_0203L, mac(random.nextInt(8)), mac(random.nextInt(8)),
                    mac(random.nextInt(8)), mac(20), 0x0180_C200_000EL, 0x0180_C200_0003L};
                byte[] frame = Frames.ethernet(to[random.nextInt(to.length)], source, Frames.LOCAL_TYPE,
                        new byte[46 + random.nextInt(1400)]);
                Frames.send(taps.get(from), frame);
                net.send(from, frame);
                var expected = net.counts();
                var found = new int[count];
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2);
                // What is expected is waited for; what is not has a moment to come all the same.
                do {
                    loop.poll(1);
                    for (int i = 0; i < count; i++) {
                        found[i] += own(theirs.get(i)).size();
                    }
                } while (System.nanoTime() < end
                        && IntStream.range(0, count).anyMatch(i -> found[i] < expected.get(i)));
                loop.poll(0);
                assertThat(Arrays.stream(found).boxed().toList())
                        .as("step %d of seed %d: from %d, %s to %s", step, seed, from, new MacAddress(source),
                                MacAddress.of(frame, 0))
                        .isEqualTo(expected);
            }
        } finally {
            taps.forEach(TapPort::close);
        }
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
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(25);
            while (System.nanoTime() < end && (network.state(first) != State.FORWARDING
                    || network.state(second) != State.BLOCKING)) {
                poll(100);
            }
            // The Linux bridge is root; of our two ways to it, the one to its lower port stays open.
            assertThat(network.state(first)).isEqualTo(State.FORWARDING);
            assertThat(network.state(second)).isEqualTo(State.BLOCKING);
            poll(1000);
            own(far);
            own(near);
            Frames.send(station.b(), Frames.ethernet(ALL, mac(0), Frames.LOCAL_TYPE, new byte[46]));
            Frames.send(other, Frames.ethernet(ALL, mac(1), Frames.LOCAL_TYPE, new byte[46]));
            poll(500);
            assertThat(own(far)).hasSize(1);
            assertThat(own(near)).hasSize(1);
            assertThat(timer).isNotNull();
            other.close();
        }
    }
}
