package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.mac;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.net.Frames;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** RFC 4541: multicasts go where somebody wants them, once somebody asks. */
class MulticastSnoopingTest {

    private static final int GROUP = 0xE1010203;
    private static final long GROUP_MAC = 0x0100_5E01_0203L;

    private static Stations net() {
        var net = new Stations(SwitchSettings.standard().withMulticastSnooping(true));
        for (int i = 0; i < 4; i++) {
            net.add(PortSettings.standard());
        }
        return net;
    }

    private static byte[] igmp(int from, int type, int group, byte... more) {
        byte[] body = new byte[8 + more.length];
        MemorySegment message = MemorySegment.ofArray(body);
        Wire.put8(message, 0, type);
        Wire.put32(message, 4, group);
        System.arraycopy(more, 0, body, 8, more.length);
        Wire.put16(message, 2, Checksum.finish(Checksum.add(0, message, 0, body.length)));
        return Frames.ipv4(type == 0x11 ? 0x0100_5E00_0001L : GROUP_MAC, mac(from), IpProtocol.IGMP, 0x0A000001 + from,
                type == 0x11 ? 0xE0000001 : GROUP, body);
    }

    private static byte[] data() {
        return Frames.udp(GROUP_MAC, mac(0), 0x0A000001, GROUP, 5000, 5001, new byte[20]);
    }

    @Test
    void withoutAQuerierEverybodyGetsEverything() {
        try (var net = net()) {
            net.send(1, igmp(1, 0x16, GROUP));
            net.counts();
            net.send(0, data());
            assertThat(net.counts()).containsExactly(0, 1, 1, 1);
        }
    }

    @Test
    void membersAndRoutersGetTheGroupOthersDoNot() {
        try (var net = net()) {
            net.send(3, igmp(3, 0x11, 0));
            assertThat(net.counts()).containsExactly(1, 1, 1, 0);
            net.send(1, igmp(1, 0x16, GROUP));
            assertThat(net.counts()).as("a report goes to the router only").containsExactly(0, 0, 0, 1);
            net.send(0, data());
            assertThat(net.counts()).containsExactly(0, 1, 0, 1);
            net.send(1, igmp(1, 0x17, GROUP));
            net.counts();
            net.send(0, data());
            assertThat(net.counts()).as("for two seconds others may object").containsExactly(0, 1, 0, 1);
            net.clock.advance(Duration.ofSeconds(3));
            net.network.run();
            net.send(0, data());
            assertThat(net.counts()).containsExactly(0, 0, 0, 1);
            assertThat(net.network.multicastGroups()).isZero();
        }
    }

    @Test
    void aVersion3ReportJoinsAndLeaves() {
        try (var net = net()) {
            net.send(3, igmp(3, 0x11, 0));
            // One record: CHANGE_TO_EXCLUDE of nothing, that is, everything.
            net.send(2, igmp(2, 0x22, 1, (byte) 4, (byte) 0, (byte) 0, (byte) 0, (byte) 0xE1, (byte) 1, (byte) 2,
                    (byte) 3));
            net.counts();
            net.send(0, data());
            assertThat(net.counts()).containsExactly(0, 0, 1, 1);
            net.send(2, igmp(2, 0x22, 1, (byte) 3, (byte) 0, (byte) 0, (byte) 0, (byte) 0xE1, (byte) 1, (byte) 2,
                    (byte) 3));
            net.clock.advance(Duration.ofSeconds(3));
            net.network.run();
            net.counts();
            net.send(0, data());
            assertThat(net.counts()).containsExactly(0, 0, 0, 1);
        }
    }

    @Test
    void aListenerReportOfIpv6Counts() {
        try (var net = net()) {
            net.send(3, mld(3, 130, 0x3333_0000_0001L, 0));
            net.send(1, mld(1, 131, 0x3333_0001_0203L, 0x00010203));
            net.counts();
            byte[] frame = Frames.ethernet(0x3333_0001_0203L, mac(0), EthernetHeader.IPV6, new byte[48]);
            Ipv6Header.set(MemorySegment.ofArray(frame), 14, 0, 0, 8, IpProtocol.NO_NEXT_HEADER, 1, 1, 1,
                    0xFF05L << 48, 0x00010203);
            net.send(0, frame);
            assertThat(net.counts()).containsExactly(0, 1, 0, 1);
        }
    }

    private static byte[] mld(int from, int type, long to, int group) {
        byte[] bytes = Frames.ethernet(to, mac(from), EthernetHeader.IPV6, new byte[40 + 24]);
        MemorySegment frame = MemorySegment.ofArray(bytes);
        Ipv6Header.set(frame, 14, 0, 0, 24, IpProtocol.ICMPV6, 1, 0xFE80L << 48, from + 1, 0xFF02L << 48, 1);
        Wire.put8(frame, 54, type);
        if (group != 0) {
            Wire.put64(frame, 62, 0xFF05L << 48);
            Wire.put64(frame, 70, group);
        }
        long sum = Checksum.pseudo6(frame, 22, IpProtocol.ICMPV6, 24);
        Wire.put16(frame, 56, Checksum.finish(Checksum.add(sum, frame, 54, 24)));
        return bytes;
    }

    @Test
    void localGroupsAreAlwaysFlooded() {
        try (var net = net()) {
            net.send(3, igmp(3, 0x11, 0));
            net.counts();
            net.send(0, Frames.udp(0x0100_5E00_00FBL, mac(0), 0x0A000001, 0xE00000FB, 5353, 5353));
            assertThat(net.counts()).containsExactly(0, 1, 1, 1);
        }
    }

    @Test
    void aFloodOfGroupsIsBounded() {
        try (var net = net()) {
            net.send(3, igmp(3, 0x11, 0));
            for (int i = 0; i < 20_000; i++) {
                net.send(1, igmp(1, 0x16, 0xE2000000 + i));
            }
            assertThat(net.network.multicastGroups()).isLessThanOrEqualTo(MulticastTable.MOST_GROUPS_OF_A_PORT);
            net.send(2, igmp(2, 0x16, GROUP));
            net.counts();
            net.send(0, data());
            assertThat(net.counts()).containsExactly(0, 0, 1, 1);
        }
    }

    @Property(tries = 500)
    void aReportThatLiesAboutItsLengthIsDropped(@ForAll long seed) {
        var random = new Random(seed);
        try (var net = net()) {
            net.send(3, igmp(3, 0x11, 0));
            byte[] more = new byte[random.nextInt(40)];
            random.nextBytes(more);
            net.send(1, igmp(1, 0x22, random.nextInt(), more));
            net.send(0, data());
            assertThat(net.statistics(1).received()).isEqualTo(1);
            assertThat(net.network.multicastGroups()).isLessThanOrEqualTo(5);
        }
    }
}
