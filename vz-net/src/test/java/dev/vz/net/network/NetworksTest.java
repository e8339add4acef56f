package dev.vz.net.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.definition.NetworkDefinition;
import dev.vz.net.definition.NetworkXml;
import dev.vz.net.packet.ArpPacket;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.port.TapPort;
import dev.vz.testing.Peers;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The life of networks: in a folder, and in the kernel of a network namespace. */
@Timeout(120)
class NetworksTest {

    private static final String NAT = "<network><name>n</name><forward mode='nat'><nat><port start='2000' end='3000'/>"
            + "</nat></forward><ip address='10.77.0.1' prefix='24'/><ip family='ipv6' address='fd77:1::1' prefix='64'/>"
            + "<route address='10.78.0.0' prefix='16' gateway='10.77.0.9'/></network>";

    /** Remembers what is active, nothing else. */
    private static final class MemoryPlane implements NetworkPlane {
        private final Set<String> active = new HashSet<>();

        @Override
        public void activate(NetworkDefinition network) {
            if (network.name().equals("broken")) {
                throw new ConfigurationException("broken on purpose");
            }
            active.add(network.name());
        }

        @Override
        public void deactivate(NetworkDefinition network) {
            active.remove(network.name());
        }

        @Override
        public boolean isActive(NetworkDefinition network) {
            return active.contains(network.name());
        }
    }

    private static NetworkDefinition xml(String name, String more) {
        return NetworkXml.read("<network><name>" + name + "</name>" + more + "</network>");
    }

    private static String bridge(NetworkDefinition network) {
        return Objects.requireNonNull(Objects.requireNonNull(network.bridge()).name());
    }

    @Test
    void aDefinitionLastsAndWhatItLeftOpenIsChosenOnce(@TempDir Path folder) {
        var networks = new Networks(new NetworkStore(folder), new MemoryPlane());
        NetworkDefinition defined = networks.define(NetworkXml.read(NAT));
        assertThat(defined.uuid()).isNotNull();
        assertThat(defined.mac()).isNotNull();
        assertThat(bridge(defined)).startsWith("virbr");
        var again = new Networks(new NetworkStore(folder), new MemoryPlane());
        assertThat(again.find("n").definition()).isEqualTo(defined);
        assertThat(again.define(NetworkXml.read(NAT))).isEqualTo(defined);
        assertThat(again.list()).hasSize(1);
    }

    @Test
    void startingDestroyingAndUndefiningGoInTheirOrder(@TempDir Path folder) {
        var networks = new Networks(new NetworkStore(folder), new MemoryPlane());
        networks.define(NetworkXml.read(NAT));
        assertThatThrownBy(() -> networks.destroy("n")).isInstanceOf(LifecycleException.class);
        networks.activate("n");
        assertThat(networks.find("n").isActive()).isTrue();
        assertThatThrownBy(() -> networks.activate("n")).isInstanceOf(LifecycleException.class);
        assertThatThrownBy(() -> networks.undefine("n")).hasMessageContaining("destroyed");
        assertThatThrownBy(() -> networks.define(NetworkXml.read(NAT))).isInstanceOf(LifecycleException.class);
        networks.destroy("n");
        networks.undefine("n");
        assertThat(networks.list()).isEmpty();
        assertThatThrownBy(() -> networks.activate("n")).hasMessageContaining("There is no network \"n\"");
    }

    @Test
    void markedNetworksStartAndABrokenOneStopsNoOther(@TempDir Path folder) {
        var plane = new MemoryPlane();
        var networks = new Networks(new NetworkStore(folder), plane);
        for (String name : new String[] {"a", "broken", "c", "unmarked"}) {
            networks.define(xml(name, ""));
        }
        for (String name : new String[] {"a", "broken", "c"}) {
            networks.setAutostart(name, true);
        }
        assertThat(networks.activateMarked()).containsOnlyKeys("broken");
        assertThat(plane.active).containsExactlyInAnyOrder("a", "c");
        networks.setAutostart("c", false);
        assertThat(networks.find("c").isAutostart()).isFalse();
    }

    @Test
    void networksKeepOutOfEachOthersWay(@TempDir Path folder) {
        var networks = new Networks(new NetworkStore(folder), new MemoryPlane());
        networks.define(xml("a", "<bridge name='brx'/><ip address='10.0.0.1' prefix='16'/>"));
        assertThatThrownBy(() -> networks.define(xml("b", "<ip address='10.0.7.1' prefix='24'/>")))
                .isInstanceOf(VzException.class).hasMessageContaining("overlap");
        assertThatThrownBy(() -> networks.define(xml("b", "<bridge name='brx'/>"))).hasMessageContaining("same bridge");
        assertThat(networks.list()).hasSize(1);
    }

    @Test
    void theSwitchPlaneConnectsGuestsOfOneNetworkByTheirPortGroups(@TempDir Path folder) {
        try (var loop = new EpollLoop("networks under test");
                var plane = new SwitchPlane(loop, (network, host) -> {
                    var greeted = Frames.Collector.on(host);
                    return () -> assertThat(greeted.frames()).hasSize(1);
                })) {
            var networks = new Networks(new NetworkStore(folder), plane);
            networks.define(xml("n", "<bridge stp='off'/><portgroup name='red'><vlan><tag id='5'/></vlan></portgroup>"
                    + "<portgroup name='plain' default='yes'/>"));
            networks.activate("n");
            SwitchNetwork network = plane.find("n").orElseThrow();
            var cables = new ArrayList<LinkPair>();
            var got = new ArrayList<Frames.Collector>();
            for (String group : new String[] {"red", "red", "plain", ""}) {
                var cable = new LinkPair("guest" + cables.size(), LinkFeatures.all());
                cables.add(cable);
                got.add(Frames.Collector.on(cable.b()));
                network.connect(cable.a(), group.isEmpty() ? null : group);
            }
            Frames.send(cables.get(0).b(), Frames.ethernet(0xFFFF_FFFF_FFFFL, 2, Frames.LOCAL_TYPE));
            assertThat(got.stream().map(each -> each.take().size())).containsExactly(0, 1, 0, 0);
            Frames.send(cables.get(2).b(), Frames.ethernet(0xFFFF_FFFF_FFFFL, 4, Frames.LOCAL_TYPE));
            assertThat(got.stream().map(each -> each.take().size())).containsExactly(0, 0, 0, 1);
            assertThatThrownBy(() -> network.connect(cables.get(0).a(), "blue")).hasMessageContaining("blue");
            networks.destroy("n");
            assertThat(networks.find("n").isActive()).isFalse();
            assertThat(cables.get(0).b().isUp()).isFalse();
        }
    }

    private static String run(String... words) throws Exception {
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return said;
    }

    @Test
    void theKernelPlaneMakesABridgeWithItsRulesAndTakesThemAway(@TempDir Path folder) {
        Peers.root();
        Peers.program("ip", "iproute2");
        Peers.program("nft", "nftables");
        try (var namespace = NetworkNamespace.create()) {
            namespace.call(() -> {
                var networks = new Networks(new NetworkStore(folder), new KernelPlane());
                NetworkDefinition network = networks.define(NetworkXml.read(NAT));
                String bridge = bridge(network);
                networks.activate("n");
                assertThat(networks.find("n").isActive()).isTrue();
                assertThat(run("ip", "addr", "show", "dev", bridge)).contains("inet 10.77.0.1/24",
                        "inet6 fd77:1::1/64", Objects.requireNonNull(network.mac()).toString());
                assertThat(run("nft", "list", "ruleset")).contains("masquerade to :2000-3000", "ip saddr 10.77.0.0/24")
                        .contains("oifname \"" + bridge + "\" reject");
                assertThat(run("ip", "route")).contains("10.78.0.0/16 via 10.77.0.9");
                assertThat(run("cat", "/proc/sys/net/ipv4/ip_forward")).startsWith("1");
                guestReachesTheBridge(network, bridge);
                networks.destroy("n");
                assertThat(networks.find("n").isActive()).isFalse();
                assertThat(run("nft", "list", "ruleset")).isEmpty();
                assertThat(run("ip", "link")).doesNotContain(bridge);
                return bridge;
            });
        }
    }

    private static void guestReachesTheBridge(NetworkDefinition network, String bridge) throws Exception {
        try (var loop = new EpollLoop("guest"); var tap = TapPort.open("guest%d", loop)) {
            new KernelPlane().connect(network, tap.name());
            assertThat(run("ip", "link", "show", "master", bridge)).contains(tap.name());
            Collector answers = Collector.on(tap);
            byte[] question = new byte[ArpPacket.SIZE];
            ArpPacket.set(MemorySegment.ofArray(question), 0, ArpPacket.REQUEST, 0x5254_0000_0001L, 0x0A4D_0002, 0,
                    0x0A4D_0001);
            byte[] frame = Frames.ethernet(0xFFFF_FFFF_FFFFL, 0x5254_0000_0001L, EthernetHeader.ARP, question);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            // A bridge with a spanning tree listens and learns for a while before it answers anybody.
            boolean answered = false;
            while (!answered && System.nanoTime() < end) {
                Frames.send(tap, frame);
                loop.poll(100);
                answered = answers.take().stream().anyMatch(arrived -> arrived[12] == 8 && arrived[13] == 6
                        && arrived[21] == ArpPacket.REPLY && arrived[31] == 1);
            }
            assertThat(answered).isTrue();
        }
    }

    @Test
    void anInterfaceIsConnectedWithAnActiveNetworkOnly(@TempDir Path folder) {
        Peers.program("ip", "iproute2");
        NetworkDefinition network = new Networks(new NetworkStore(folder), new KernelPlane())
                .define(xml("asleep", "<bridge name='vzasleep0'/>"));
        assertThatThrownBy(() -> new KernelPlane().connect(network, "tap0")).isInstanceOf(LifecycleException.class)
                .hasMessageContaining("asleep is not active");
    }

    @Test
    void whatTheKernelRefusesLeavesNothingBehind(@TempDir Path folder) {
        Peers.root();
        Peers.program("ip", "iproute2");
        Peers.program("nft", "nftables");
        try (var namespace = NetworkNamespace.create()) {
            namespace.call(() -> {
                var networks = new Networks(new NetworkStore(folder), new KernelPlane());
                networks.define(xml("bad", "<bridge name='brbad'/><ip address='10.1.1.1' prefix='24'/>"
                        + "<route address='10.2.0.0' prefix='16' gateway='172.16.0.1'/>"));
                assertThatThrownBy(() -> networks.activate("bad")).isInstanceOf(VzException.class)
                        .hasMessageContaining("route add");
                assertThat(run("ip", "link")).doesNotContain("brbad");
                assertThat(run("nft", "list", "ruleset")).isEmpty();
                return "";
            });
        }
    }

    @Test
    void aNameThatWouldBeARuleIsRefused(@TempDir Path folder) {
        Peers.root();
        Peers.program("ip", "iproute2");
        try (var namespace = NetworkNamespace.create()) {
            namespace.call(() -> {
                var networks = new Networks(new NetworkStore(folder), new KernelPlane());
                networks.define(xml("x", "<forward mode='nat' dev='a\" accept; #'/><bridge name='brx'/>"
                        + "<ip address='10.1.1.1' prefix='24'/>"));
                assertThatThrownBy(() -> networks.activate("x")).isInstanceOf(ConfigurationException.class)
                        .hasMessageContaining("letters");
                assertThat(run("ip", "link")).doesNotContain("brx");
                return "";
            });
        }
    }
}
