package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.ALL;
import static dev.vz.net.bridge.Stations.frame;
import static dev.vz.net.bridge.Stations.mac;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.VnetHeader;
import dev.vz.net.Frames;
import dev.vz.net.MacAddress;
import dev.vz.net.packet.TcpHeader;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Learning, VLANs, separation, mirroring and offloads, frame by frame. */
class SwitchTest {

    @Test
    void aFrameToAnUnknownStationGoesToAllAndToAKnownOneOnlyThere() {
        try (var net = Stations.standard(4)) {
            net.send(0, frame(0, mac(1)));
            assertThat(net.counts()).containsExactly(0, 1, 1, 1);
            net.send(1, frame(1, mac(0)));
            assertThat(net.counts()).containsExactly(1, 0, 0, 0);
            net.send(0, frame(0, mac(1)));
            assertThat(net.counts()).containsExactly(0, 1, 0, 0);
            net.send(0, frame(0, ALL));
            assertThat(net.counts()).containsExactly(0, 1, 1, 1);
        }
    }

    @Test
    void aStationThatIsSilentIsForgotten() {
        try (var net = Stations.standard(3)) {
            net.send(1, frame(1, ALL));
            net.clock.advance(Duration.ofSeconds(299));
            net.network.run();
            assertThat(net.network.stations()).hasSize(1);
            net.clock.advance(Duration.ofSeconds(2));
            net.network.run();
            assertThat(net.network.stations()).isEmpty();
            net.counts();
            net.send(0, frame(0, mac(1)));
            assertThat(net.counts()).containsExactly(0, 1, 1);
        }
    }

    @Test
    void aStationThatMovesIsFound() {
        try (var net = Stations.standard(3)) {
            net.send(1, frame(1, ALL));
            net.send(2, frame(1, ALL));
            net.counts();
            net.send(0, frame(0, mac(1)));
            assertThat(net.counts()).containsExactly(0, 0, 1);
        }
    }

    @Test
    void aBoundStationIsNowhereElseAndDoesNotAge() {
        try (var net = Stations.standard(3)) {
            net.network.bind(net.ports.get(1), 1, new MacAddress(mac(1)));
            net.send(2, frame(1, ALL));
            assertThat(net.counts()).containsExactly(0, 0, 0);
            assertThat(net.statistics(2).dropped(DropReason.SPOOFED_MAC)).isEqualTo(1);
            net.clock.advance(Duration.ofDays(1));
            net.network.run();
            net.send(0, frame(0, mac(1)));
            assertThat(net.counts()).containsExactly(0, 1, 0);
        }
    }

    @Test
    void aFrameForAStationOnItsOwnPortStaysThere() {
        try (var net = Stations.standard(3)) {
            net.send(0, frame(0, ALL), frame(7, ALL));
            net.counts();
            net.send(0, frame(0, mac(7)));
            assertThat(net.counts()).containsExactly(0, 0, 0);
            assertThat(net.statistics(0).dropped(DropReason.NO_DESTINATION)).isEqualTo(1);
        }
    }

    @Test
    void vlansAreApartAndTrunksTagThem() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withVlans(PortVlans.access(10)));
            net.add(PortSettings.standard().withVlans(PortVlans.access(20)));
            net.add(PortSettings.standard().withVlans(PortVlans.trunk(1, 10, 20)));
            net.add(PortSettings.standard().withVlans(PortVlans.trunk(10, 20)));
            byte[] frame = frame(0, ALL, 1, 2, 3);
            net.send(0, frame);
            assertThat(net.got(1)).isEmpty();
            assertThat(net.got(2)).usingRecursiveFieldByFieldElementComparator()
                    .containsExactly(Frames.tagged(10, frame));
            assertThat(net.got(3)).usingRecursiveFieldByFieldElementComparator().containsExactly(frame);
            // Back through the trunk, with a priority that is kept where there is a tag.
            byte[] reply = frame(2, mac(0), 9);
            net.send(2, Frames.tagged(0xA000 | 10, reply));
            assertThat(net.got(0)).usingRecursiveFieldByFieldElementComparator().containsExactly(reply);
            byte[] flood = frame(2, ALL);
            net.send(2, Frames.tagged(0xA000 | 20, flood));
            assertThat(net.counts()).containsExactly(0, 1, 0, 1);
            net.send(2, Frames.tagged(30, flood));
            assertThat(net.counts()).containsExactly(0, 0, 0, 0);
            assertThat(net.statistics(2).dropped(DropReason.VLAN)).isEqualTo(1);
        }
    }

    @Test
    void anAccessPortTakesPriorityTagsAndNoOthers() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withVlans(PortVlans.access(10)));
            net.add(PortSettings.standard().withVlans(PortVlans.access(10)));
            byte[] frame = frame(0, ALL);
            net.send(0, Frames.tagged(0xE000, frame), Frames.tagged(10, frame), Frames.tagged(20, frame));
            assertThat(net.got(1)).usingRecursiveFieldByFieldElementComparator().containsExactly(frame);
            assertThat(net.statistics(0).dropped(DropReason.VLAN)).isEqualTo(2);
        }
    }

    @Test
    void theSameAddressInTwoVlansIsTwoStations() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withVlans(PortVlans.access(10)));
            net.add(PortSettings.standard().withVlans(PortVlans.access(20)));
            net.add(PortSettings.standard().withVlans(PortVlans.trunk(0, 10, 20)));
            net.send(0, frame(5, ALL));
            net.send(1, frame(5, ALL));
            net.counts();
            net.send(2, Frames.tagged(20, frame(2, mac(5))));
            assertThat(net.counts()).containsExactly(0, 1, 0);
        }
    }

    @Test
    void isolatedPortsSeeOnlyThoseThatAreNot() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withIsolation(true));
            net.add(PortSettings.standard().withIsolation(true));
            net.add(PortSettings.standard());
            net.send(0, frame(0, ALL));
            assertThat(net.counts()).containsExactly(0, 0, 1);
            net.send(1, frame(1, mac(0)));
            assertThat(net.counts()).containsExactly(0, 0, 0);
            net.send(2, frame(2, mac(0)));
            assertThat(net.counts()).containsExactly(1, 0, 0);
        }
    }

    @Test
    void privateGroupsSeeThemselvesAndPortsOfNoGroup() {
        try (var net = new Stations(SwitchSettings.standard())) {
            for (int group : new int[] {1, 1, 2, 0}) {
                net.add(PortSettings.standard().withGroup(group));
            }
            net.send(0, frame(0, ALL));
            assertThat(net.counts()).containsExactly(0, 1, 0, 1);
            net.send(2, frame(2, ALL));
            assertThat(net.counts()).containsExactly(0, 0, 0, 1);
            net.send(3, frame(3, ALL));
            assertThat(net.counts()).containsExactly(1, 1, 1, 0);
        }
    }

    @Test
    void aMirrorPortGetsCopiesAndNothingElse() {
        try (var net = Stations.standard(4)) {
            net.network.mirror(net.ports.get(0), true, true, net.ports.get(3));
            net.send(0, frame(0, ALL, 1));
            assertThat(net.counts()).containsExactly(0, 1, 1, 1);
            net.send(1, frame(1, mac(0), 2));
            assertThat(net.counts()).containsExactly(1, 0, 0, 1);
            net.send(2, frame(2, mac(1)));
            net.counts();
            net.send(1, frame(1, mac(2), 3));
            assertThat(net.counts()).containsExactly(0, 0, 1, 0);
            net.send(3, frame(3, ALL));
            assertThat(net.counts()).containsExactly(0, 0, 0, 0);
            assertThat(net.statistics(3).dropped(DropReason.MIRROR_PORT)).isEqualTo(1);
            net.network.unmirror(net.ports.get(0));
            net.send(3, frame(3, ALL));
            assertThat(net.counts()).containsExactly(1, 1, 1, 0);
        }
    }

    @Test
    void anOffloadedFramePassesUncutBetweenPortsThatTakeIt() {
        try (var net = Stations.standard(2)) {
            byte[] data = new byte[20_000];
            FrameBatch batch = Frames.batch(
                    Frames.tcpToBeSummed(mac(1), mac(0), 0x0A000001, 0x0A000002, TcpHeader.ACK, data));
            VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1448, 34, 16);
            byte[] header = batch.segment(0).asSlice(0, 12).toArray(ValueLayout.JAVA_BYTE);
            var headers = new ArrayList<byte[]>();
            net.cable(1).b().receive(frames -> {
                headers.add(frames.segment(0).asSlice(frames.headerOffset(0), 12).toArray(ValueLayout.JAVA_BYTE));
                assertThat(frames.frameLength(0)).isEqualTo(20_054);
                return frames.count();
            });
            net.send(0, batch);
            assertThat(headers).usingRecursiveFieldByFieldElementComparator().containsExactly(header);
        }
    }

    @Test
    void anOffloadedFrameIsCutForAPortThatTakesNone() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withVlans(PortVlans.access(7)));
            net.add(PortSettings.standard().withVlans(PortVlans.trunk(0, 7)), LinkFeatures.none());
            net.add(PortSettings.standard().withVlans(PortVlans.access(7)), LinkFeatures.none());
            byte[] data = new byte[20_000];
            new Random(1).nextBytes(data);
            byte[] frame = Frames.tcpToBeSummed(ALL, mac(0), 0x0A000001, 0x0A000002, TcpHeader.ACK, data);
            FrameBatch batch = Frames.batch(frame, frame, frame, frame);
            for (int i = 0; i < 4; i++) {
                VnetHeader.set(batch.segment(i), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1000, 34, 16);
            }
            net.send(0, batch);
            List<byte[]> cut = net.got(2);
            assertThat(cut).hasSize(80).allSatisfy(segment -> {
                assertThat(segment).hasSize(1054);
                assertThat(Frames.isTransportSumRight(segment)).isTrue();
            });
            assertThat(net.got(1)).hasSize(80).usingRecursiveFieldByFieldElementComparator()
                    .isEqualTo(cut.stream().map(segment -> Frames.tagged(7, segment)).toList());
        }
    }

    @Test
    void aTagMovesTheChecksumWithIt() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withVlans(PortVlans.access(7)));
            net.add(PortSettings.standard().withVlans(PortVlans.trunk(0, 7)));
            net.add(PortSettings.standard().withVlans(PortVlans.access(7)));
            byte[] frame = Frames.tcpToBeSummed(ALL, mac(0), 0x0A000001, 0x0A000002, TcpHeader.ACK, new byte[300]);
            FrameBatch batch = Frames.batch(frame);
            VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, 0, 54, 0, 34, 16);
            // In through an access port, out with a tag, back in with it, and out without.
            var starts = new ArrayList<Integer>();
            net.cable(1).b().receive(frames -> {
                starts.add(VnetHeader.checksumStart(frames.segment(0), frames.headerOffset(0)));
                return frames.count();
            });
            net.cable(2).b().receive(frames -> {
                starts.add(VnetHeader.checksumStart(frames.segment(0), frames.headerOffset(0)));
                return frames.count();
            });
            net.send(0, batch);
            assertThat(starts).containsExactlyInAnyOrder(38, 34);
        }
    }

    @Test
    void aFrameThatIsTooLongForAPortDoesNotReachIt() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard(), LinkFeatures.all().withMtu(9000));
            net.add(PortSettings.standard(), LinkFeatures.all().withMtu(9000));
            net.add(PortSettings.standard());
            net.send(0, Frames.ethernet(ALL, mac(0), Frames.LOCAL_TYPE, new byte[1501]));
            assertThat(net.counts()).containsExactly(0, 1, 0);
            assertThat(net.statistics(2).dropped(DropReason.TOO_LONG)).isEqualTo(1);
            FrameBatch large = Frames.batch(
                    Frames.tcpToBeSummed(ALL, mac(0), 0x0A000001, 0x0A000002, TcpHeader.ACK, new byte[9000]));
            VnetHeader.set(large.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1461, 34, 16);
            net.send(0, large);
            assertThat(net.counts()).containsExactly(0, 1, 0);
        }
    }

    @Test
    void closingAPortTakesItOffAndItsStationsWithIt() {
        try (var net = Stations.standard(3)) {
            net.send(1, frame(1, ALL));
            net.ports.get(1).close();
            assertThat(net.network.stations()).isEmpty();
            net.counts();
            net.send(0, frame(0, mac(1)));
            assertThat(net.counts()).containsExactly(0, 0, 1);
            int again = net.add(PortSettings.standard());
            assertThat(net.ports.get(again).number()).isEqualTo(1);
            net.send(0, frame(0, ALL));
            assertThat(net.counts()).containsExactly(0, 0, 1, 1);
        }
    }

    @Test
    @Timeout(120)
    void twoSwitchesInALoopWithoutATreeDoNotHang() {
        try (var net = Stations.standard(1); var other = Stations.standard(1)) {
            var first = new LinkPair("first", LinkFeatures.all());
            var second = new LinkPair("second", LinkFeatures.all());
            net.network.add(first.a(), PortSettings.standard());
            net.network.add(second.a(), PortSettings.standard());
            other.network.add(first.b(), PortSettings.standard());
            other.network.add(second.b(), PortSettings.standard().withStorms(StormLimits.framesPerSecond(100)));
            net.send(0, frame(0, ALL));
            assertThat(other.got(0)).isNotEmpty();
        }
    }
}
