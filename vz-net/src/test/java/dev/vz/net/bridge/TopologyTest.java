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
import dev.vz.net.packet.Wire;
import dev.vz.net.port.TapPort;
import dev.vz.net.time.ManualClock;
import dev.vz.testing.Peers;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Timeout;

/**
 * Trees of switches with VLANs beside the same trees of Linux bridges. A switch with VLANs is, as IEEE 802.1Q has it, one
 * switch for each VLAN: so the model has a bridge for each VLAN of each switch, and what a port's tags mean is all that the
 * test adds to it. {@code -Dvz.net.steps} makes the run as long as one likes.
 */
@Timeout(300)
@SuppressWarnings("NullAway.Init")
class TopologyTest {

    private static final int STEPS = Integer.getInteger("vz.net.steps", 120);
    private static final int VLANS = 3;
    private static final int ADDRESSES = 9;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private final List<VirtualSwitch> switches = new ArrayList<>();
    private final List<Station> stations = new ArrayList<>();
    private final StringBuilder commands = new StringBuilder();
    private NetworkNamespace namespace;
    private EpollLoop loop;
    private Random random;
    private int slaves;

    /** A port for stations, and the model's ports of the same place. */
    private record Station(LinkPair cable, Collector collector, PortVlans vlans, Map<Integer, TapPort> taps,
            Map<Integer, Collector> model) {}

    @BeforeEach
    void enter(RepetitionInfo repetition) {
        Peers.root();
        Peers.program("ip", "iproute2");
        random = new Random(20 + repetition.getCurrentRepetition());
        namespace = own(NetworkNamespace.create());
        loop = own(new EpollLoop("topology"));
        build(2 + random.nextInt(3));
    }

    @AfterEach
    void leave() throws Exception {
        while (!open.isEmpty()) {
            open.pop().close();
        }
    }

    private <R extends AutoCloseable> R own(R part) {
        open.push(part);
        return part;
    }

    private void build(int count) {
        var clock = new ManualClock();
        for (int i = 0; i < count; i++) {
            switches.add(own(new VirtualSwitch("switch " + i, SwitchSettings.standard(), clock)));
            for (int vlan = 1; vlan <= VLANS; vlan++) {
                command("link add %s type bridge mcast_snooping 0 stp_state 0 forward_delay 0", bridge(i, vlan));
                command("link set %s up", bridge(i, vlan));
            }
        }
        for (int i = 1; i < count; i++) {
            connect(i, random.nextInt(i));
        }
        for (int i = 0; i < count; i++) {
            for (int port = 2 + random.nextInt(2); port > 0; port--) {
                attach(i);
            }
        }
        run();
        LinuxBridges.awaitForwarding(namespace, loop, slaves);
        stations.forEach(station -> station.model().values().forEach(Collector::take));
    }

    private static String bridge(int node, int vlan) {
        return "b" + node + "v" + vlan;
    }

    private PortVlans trunk() {
        int untagged = random.nextInt(VLANS + 1);
        return PortVlans.trunk(untagged, random.ints(0, VLANS).map(i -> i + 1).distinct().limit(1 + random.nextInt(3))
                .toArray());
    }

    /** A cable between two switches, for each of its VLANs a cable between two bridges. */
    private void connect(int node, int other) {
        PortVlans vlans = trunk();
        var cable = own(new LinkPair("trunk " + node, LinkFeatures.all()));
        switches.get(node).add(cable.a(), PortSettings.standard().withVlans(vlans));
        switches.get(other).add(cable.b(), PortSettings.standard().withVlans(vlans));
        for (int vlan = 1; vlan <= VLANS; vlan++) {
            if (vlans.carries(vlan)) {
                String name = "t" + node + "v" + vlan;
                command("link add %sa type veth peer name %sb", name, name);
                enslave(name + "a", bridge(node, vlan));
                enslave(name + "b", bridge(other, vlan));
            }
        }
    }

    private void attach(int node) {
        PortVlans vlans = random.nextBoolean() ? PortVlans.access(1 + random.nextInt(VLANS)) : trunk();
        var cable = own(new LinkPair("station " + stations.size(), LinkFeatures.all()));
        switches.get(node).add(cable.a(), PortSettings.standard().withVlans(vlans));
        var station = new Station(cable, Collector.on(cable.b()), vlans, new HashMap<>(), new HashMap<>());
        for (int vlan = 1; vlan <= VLANS; vlan++) {
            if (vlans.carries(vlan)) {
                String name = "s" + stations.size() + "v" + vlan;
                TapPort tap = own(namespace.call(() -> TapPort.open(name, loop)));
                station.taps().put(vlan, tap);
                station.model().put(vlan, Collector.on(tap));
                enslave(name, bridge(node, vlan));
            }
        }
        stations.add(station);
    }

    private void enslave(String link, String bridge) {
        command("link set %s master %s up", link, bridge);
        slaves++;
    }

    private void command(String words, Object... names) {
        commands.append(String.format(words, names)).append('\n');
    }

    private void run() {
        String said = namespace.call(() -> {
            Process ip = new ProcessBuilder("ip", "-batch", "-").redirectErrorStream(true).start();
            try (var in = ip.getOutputStream()) {
                in.write(commands.toString().getBytes(StandardCharsets.US_ASCII));
            }
            String output = new String(ip.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return ip.waitFor() == 0 ? "" : "failed: " + output;
        });
        assertThat(said).isEmpty();
    }

    @RepeatedTest(3)
    void whatIsSentAnywhereArrivesWhereTheLinuxBridgesBringIt() {
        int delivered = 0;
        for (int step = 0; step < STEPS; step++) {
            Station from = stations.get(random.nextInt(stations.size()));
            long[] to = {ALL, 0x0100_5E01_0203L, mac(random.nextInt(ADDRESSES)), mac(random.nextInt(ADDRESSES)),
                mac(random.nextInt(ADDRESSES)), mac(30), 0x0180_C200_0003L};
            byte[] payload = new byte[46 + random.nextInt(1400)];
            random.nextBytes(payload);
            byte[] frame = Frames.ethernet(to[random.nextInt(to.length)], mac(random.nextInt(ADDRESSES)),
                    Frames.LOCAL_TYPE, payload);
            int tag = random.nextInt(-1, VLANS + 2); // none, that of priority alone, known ones, and one of nobody's
            byte[] sent = tag < 0 ? frame : Frames.tagged(tag, frame);
            Frames.send(from.cable().b(), sent);
            List<List<String>> ours = stations.stream().map(station -> seen(station.collector())).toList();
            int vlan = vlan(from.vlans(), Math.max(tag, 0));
            if (vlan > 0) {
                Frames.send(from.taps().get(vlan), frame);
            }
            assertThat(theirs(ours)).as("step %d: %s of %d bytes with tag %d at a port of %s", step,
                    label(sent), sent.length, tag, from.vlans()).isEqualTo(ours);
            delivered += ours.stream().mapToInt(List::size).sum();
        }
        assertThat(delivered).isGreaterThan(STEPS / 2);
    }

    /** The VLAN of what comes in at a port with a tag, 0 for none (IEEE 802.1Q, 6.9); 0 if it does not come in. */
    private static int vlan(PortVlans port, int tag) {
        if (tag == 0) {
            return port.untagged();
        }
        boolean trunk = Arrays.stream(new int[] {1, 2, 3}).anyMatch(port::carriesTagged);
        return port.carriesTagged(tag) || trunk && tag == port.untagged() ? tag : 0;
    }

    /** What the model delivers, with the tags that ours would have; waits for as much as {@code expected} has. */
    private List<List<String>> theirs(List<List<String>> expected) {
        List<List<String>> found = new ArrayList<>();
        stations.forEach(station -> found.add(new ArrayList<>()));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        do {
            loop.poll(1);
            for (int i = 0; i < stations.size(); i++) {
                Station station = stations.get(i);
                List<String> here = found.get(i);
                station.model().forEach((vlan, collector) -> seen(collector).forEach(
                        label -> here.add(station.vlans().carriesTagged(vlan) ? "tagged " + vlan + " " + label
                                : label)));
            }
        } while (!found.equals(expected) && System.nanoTime() < end);
        return found;
    }

    private static List<String> seen(Collector collector) {
        return collector.take().stream().map(TopologyTest::label).filter(label -> !label.isEmpty()).toList();
    }

    /** What tells a frame from others, empty for frames that are not the test's. */
    private static String label(byte[] bytes) {
        MemorySegment frame = MemorySegment.ofArray(bytes);
        int type = Wire.u16(frame, 12);
        boolean tagged = type == 0x8100;
        int tag = tagged ? Wire.u16(frame, 14) & 0xFFF : 0;
        int start = tagged ? 18 : 14;
        if ((tagged ? Wire.u16(frame, 16) : type) != Frames.LOCAL_TYPE) {
            return "";
        }
        String rest = Arrays.hashCode(Arrays.copyOf(bytes, 12)) + "/"
                + Arrays.hashCode(Arrays.copyOfRange(bytes, start, bytes.length));
        return tag > 0 ? "tagged " + tag + " " + rest : rest;
    }
}
