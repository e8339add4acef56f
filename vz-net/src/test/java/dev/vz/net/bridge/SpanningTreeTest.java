package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.ALL;
import static dev.vz.net.bridge.Stations.frame;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.Bpdu.Kind;
import dev.vz.net.bridge.SpanningTree.State;
import dev.vz.net.time.ManualClock;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** IEEE 802.1D-1998, clause 8, in virtual time. */
@Timeout(120)
class SpanningTreeTest {

    private final ManualClock clock = new ManualClock();
    private final List<VirtualSwitch> bridges = new ArrayList<>();

    private VirtualSwitch bridge(int number) {
        var bridge = new VirtualSwitch("bridge" + number,
                SwitchSettings.standard().withSpanningTree(new MacAddress(0x0200_0000_0000L + number), 32768), clock);
        bridges.add(bridge);
        return bridge;
    }

    private LinkPair connect(VirtualSwitch a, VirtualSwitch b) {
        var cable = new LinkPair(a.name() + "-" + b.name(), LinkFeatures.all());
        a.add(cable.a(), PortSettings.standard());
        b.add(cable.b(), PortSettings.standard());
        return cable;
    }

    private LinkPair station(VirtualSwitch bridge) {
        var cable = new LinkPair("station", LinkFeatures.all());
        bridge.add(cable.a(), PortSettings.standard().withTrust(true, true, false));
        return cable;
    }

    private void pass(int seconds) {
        for (int i = 0; i < seconds * 4; i++) {
            clock.advance(Duration.ofMillis(250));
            bridges.forEach(VirtualSwitch::run);
        }
    }

    private List<State> states() {
        return bridges.stream().flatMap(bridge -> bridge.ports().stream().filter(port -> port.settings().mayBridge())
                .map(bridge::state)).toList();
    }

    @Test
    void aTriangleBlocksOnePortAndStillConnectsAll() {
        var first = bridge(1);
        var second = bridge(2);
        var third = bridge(3);
        connect(first, second);
        connect(second, third);
        connect(third, first);
        var one = station(first);
        var two = station(second);
        var three = station(third);
        pass(1);
        assertThat(states()).doesNotContain(State.FORWARDING);
        pass(40);
        assertThat(states().stream().filter(State.FORWARDING::equals)).hasSize(5);
        assertThat(states().stream().filter(State.BLOCKING::equals)).hasSize(1);
        // The port that blocks is the one of the highest bridge towards the second.
        assertThat(third.state(third.ports().get(0))).isEqualTo(State.BLOCKING);
        var atTwo = Collector.on(two.b());
        var atThree = Collector.on(three.b());
        Frames.send(one.b(), frame(0, ALL));
        assertThat(atTwo.take()).hasSize(1);
        assertThat(atThree.take()).hasSize(1);
    }

    @Test
    void whenALinkGoesTheBlockedOneTakesOver() {
        var first = bridge(1);
        var second = bridge(2);
        var third = bridge(3);
        connect(first, second);
        connect(second, third);
        var cable = connect(third, first);
        var one = station(first);
        var three = station(third);
        pass(40);
        var atThree = Collector.on(three.b());
        Frames.send(one.b(), frame(0, ALL));
        assertThat(atThree.take()).hasSize(1);
        cable.close();
        pass(60);
        Frames.send(one.b(), frame(0, ALL));
        assertThat(atThree.take()).hasSize(1);
        assertThat(third.state(third.ports().get(0))).isEqualTo(State.FORWARDING);
    }

    @Test
    void aCableBetweenTwoPortsOfOneSwitchIsBlocked() {
        var only = bridge(1);
        connect(only, only);
        var station = station(only);
        pass(40);
        assertThat(states()).containsExactlyInAnyOrder(State.FORWARDING, State.BLOCKING);
        var back = Collector.on(station.b());
        Frames.send(station.b(), frame(0, ALL));
        assertThat(back.take()).isEmpty();
    }

    @Test
    void aTopologyChangeMakesStationsBeForgottenSooner() {
        var first = bridge(1);
        var second = bridge(2);
        connect(first, second);
        var one = station(first);
        station(second);
        pass(100);
        Frames.send(one.b(), frame(0, ALL));
        assertThat(second.stations()).hasSize(1);
        pass(20);
        assertThat(second.stations()).hasSize(1);
        var more = bridge(3);
        connect(second, more);
        pass(35);
        assertThat(second.stations()).isEmpty();
        assertThat(first.stations()).isEmpty();
    }

    @Test
    void theRootIsWhoeverHasTheLowestIdentifier() {
        var second = bridge(2);
        var root = bridge(1);
        connect(second, root);
        connect(second, root);
        pass(40);
        assertThat(states()).containsExactly(State.FORWARDING, State.BLOCKING, State.FORWARDING, State.FORWARDING);
    }

    @Test
    void aMessageIsReadAsItWasWritten() {
        var message = new Bpdu(Kind.CONFIGURATION, true, true, 0x8000_0200_0000_0001L, 4, 0x8000_0200_0000_0002L,
                0x8001, 1_000_000_000, 20_000_000_000L, 2_000_000_000, 15_000_000_000L);
        var batch = message.frame(0x0200_0000_0002L);
        assertThat(Bpdu.parse(batch.segment(0), batch.frameOffset(0), batch.frameLength(0))).isEqualTo(message);
        var notice = Bpdu.notification().frame(1);
        assertThat(Bpdu.parse(notice.segment(0), notice.frameOffset(0), notice.frameLength(0)).kind())
                .isEqualTo(Kind.TOPOLOGY_CHANGE_NOTIFICATION);
    }

    @Property(tries = 500)
    void anyBytesAreAMessageOrNone(@ForAll long seed) {
        var random = new Random(seed);
        byte[] bytes = new byte[14 + random.nextInt(60)];
        random.nextBytes(bytes);
        MemorySegment frame = MemorySegment.ofArray(bytes);
        byte[] start = {0, 38, 0x42, 0x42, 3, 0, 0, 0, (byte) (random.nextBoolean() ? 0 : 0x80)};
        System.arraycopy(start, 0, bytes, 12, Math.min(start.length, bytes.length - 12));
        Bpdu found = Bpdu.parse(frame, 0, bytes.length);
        if (found.kind() == Kind.CONFIGURATION) {
            assertThat(bytes.length).isGreaterThanOrEqualTo(52);
            assertThat(found.messageAge()).isLessThan(found.maxAge());
        }
    }
}
