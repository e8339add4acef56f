package dev.vz.net.bridge;

import static dev.vz.net.bridge.Stations.ALL;
import static dev.vz.net.bridge.Stations.frame;
import static dev.vz.net.bridge.Stations.mac;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.VnetHeader;
import dev.vz.net.Frames;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import dev.vz.net.bridge.Rule.Action;
import dev.vz.net.bridge.Rule.Direction;
import dev.vz.net.bridge.Rule.PortRange;
import dev.vz.net.packet.ArpPacket;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IcmpHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Stations that pretend, flood and lie. */
class HostileStationTest {

    private static final int OWN = 0x0A000001;
    private static final int OTHER = 0x0A000002;
    private static final AddressGuard GUARD = AddressGuard.of(List.of(new MacAddress(mac(0))),
            List.of(IpPrefix.parse("10.0.0.1"), IpPrefix.parse("fd00::1")));

    private static Stations guarded(PortSettings first) {
        var net = new Stations(SwitchSettings.standard());
        net.add(first);
        net.add(PortSettings.standard());
        return net;
    }

    private static byte[] arp(int operation, long hardware, int protocol) {
        byte[] bytes = Frames.ethernet(ALL, mac(0), EthernetHeader.ARP, new byte[46]);
        ArpPacket.set(MemorySegment.ofArray(bytes), 14, operation, hardware, protocol, 0, OTHER);
        return bytes;
    }

    private static byte[] icmp6(int type, long sourceHigh, long sourceLow, long targetHigh, long targetLow) {
        byte[] bytes = Frames.ethernet(0x3333_0000_0001L, mac(0), EthernetHeader.IPV6, new byte[40 + 24]);
        MemorySegment frame = MemorySegment.ofArray(bytes);
        Ipv6Header.set(frame, 14, 0, 0, 24, IpProtocol.ICMPV6, 255, sourceHigh, sourceLow, 0xFF02L << 48, 1);
        IcmpHeader.set(frame, 54, type, 0, 0);
        Wire.put64(frame, 62, targetHigh);
        Wire.put64(frame, 70, targetLow);
        return bytes;
    }

    @Test
    void aSpoofedEthernetAddressIsDropped() {
        try (var net = guarded(PortSettings.standard().withGuard(GUARD))) {
            net.send(0, frame(0, ALL), frame(1, ALL));
            assertThat(net.counts()).containsExactly(0, 1);
            assertThat(net.statistics(0).dropped(DropReason.SPOOFED_MAC)).isEqualTo(1);
        }
    }

    @Test
    void aSpoofedIpAddressIsDroppedAndDhcpIsNot() {
        try (var net = guarded(PortSettings.standard().withGuard(GUARD))) {
            net.send(0, Frames.udp(ALL, mac(0), OWN, OTHER, 1000, 2000),
                    Frames.udp(ALL, mac(0), OTHER, OWN, 1000, 2000),
                    Frames.udp(ALL, mac(0), 0, -1, 68, 67, new byte[300]), Frames.udp(ALL, mac(0), 0, -1, 69, 67));
            assertThat(net.counts()).containsExactly(0, 2);
            assertThat(net.statistics(0).dropped(DropReason.SPOOFED_IP)).isEqualTo(2);
        }
    }

    @Test
    void aSpoofedArpAnswerIsDroppedAndAProbeIsNot() {
        try (var net = guarded(PortSettings.standard().withGuard(GUARD))) {
            net.send(0, arp(ArpPacket.REPLY, mac(0), OWN), arp(ArpPacket.REPLY, mac(0), OTHER),
                    arp(ArpPacket.REPLY, mac(1), OWN), arp(ArpPacket.REQUEST, mac(0), 0),
                    arp(ArpPacket.REPLY, mac(0), 0));
            assertThat(net.counts()).containsExactly(0, 2);
            assertThat(net.statistics(0).dropped(DropReason.SPOOFED_ARP)).isEqualTo(3);
        }
    }

    @Test
    void aSpoofedNeighborAdvertisementIsDropped() {
        try (var net = guarded(PortSettings.standard().withGuard(GUARD))) {
            long own = 0xFD00L << 48;
            net.send(0, icmp6(136, own, 1, own, 1), icmp6(136, own, 1, own, 2), icmp6(135, 0, 0, own, 1),
                    icmp6(135, own, 2, own, 3), icmp6(133, 0xFE80L << 48, 77, 0, 0));
            assertThat(net.counts()).containsExactly(0, 3);
            assertThat(net.statistics(0).dropped(DropReason.SPOOFED_ARP)).isEqualTo(1);
            assertThat(net.statistics(0).dropped(DropReason.SPOOFED_IP)).isEqualTo(1);
        }
    }

    @Test
    void aGuestIsNoDhcpServerAndNoRouter() {
        try (var net = guarded(PortSettings.guest())) {
            net.send(0, Frames.udp(ALL, mac(0), OWN, -1, 67, 68, new byte[300]),
                    icmp6(IcmpHeader.V6_ROUTER_ADVERTISEMENT, 0xFE80L << 48, 1, 0, 0),
                    icmp6(IcmpHeader.V6_REDIRECT, 0xFE80L << 48, 1, 0, 0), frame(0, 0x0180_C200_0000L));
            assertThat(net.counts()).containsExactly(0, 0);
            assertThat(net.statistics(0).dropped(DropReason.DHCP_SERVER)).isEqualTo(1);
            assertThat(net.statistics(0).dropped(DropReason.ROUTER_ADVERTISEMENT)).isEqualTo(2);
            assertThat(net.statistics(0).dropped(DropReason.BPDU)).isEqualTo(1);
        }
    }

    @Test
    void anAdvertisementBehindATruncatedHeaderChainIsDropped() {
        try (var net = guarded(PortSettings.guest())) {
            byte[] whole = icmp6(IcmpHeader.V6_ROUTER_ADVERTISEMENT, 0xFE80L << 48, 1, 0, 0);
            MemorySegment frame = MemorySegment.ofArray(whole);
            // A destination-options header that claims more than there is.
            Wire.put8(frame, 20, IpProtocol.DESTINATION_OPTIONS);
            Wire.put8(frame, 54, IpProtocol.ICMPV6);
            Wire.put8(frame, 55, 200);
            net.send(0, whole);
            assertThat(net.counts()).containsExactly(0, 0);
            assertThat(net.statistics(0).dropped(DropReason.MALFORMED)).isEqualTo(1);
        }
    }

    @Test
    void aFloodOfAddressesFillsItsOwnShareOnly() {
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard().withLearningLimit(100));
            net.add(PortSettings.standard());
            net.add(PortSettings.standard());
            for (int i = 0; i < 5000; i++) {
                net.send(0, Frames.ethernet(ALL, 0x0200_0000_0000L + i, Frames.LOCAL_TYPE));
            }
            net.send(1, frame(1, ALL));
            assertThat(net.network.stations()).hasSize(101);
            net.counts();
            net.send(2, frame(2, mac(1)));
            assertThat(net.counts()).containsExactly(0, 1, 0);
        }
    }

    @Test
    void theTableIsBoundedInAll() {
        try (var net = new Stations(SwitchSettings.standard().withMostStations(1000))) {
            net.add(PortSettings.standard().withLearningLimit(100_000));
            for (int i = 0; i < 50_000; i++) {
                net.send(0, Frames.ethernet(ALL, 0x0200_0000_0000L + i, Frames.LOCAL_TYPE));
            }
            assertThat(net.network.stations()).hasSize(1000);
        }
    }

    @Test
    void aStormIsHeldToItsRate() {
        try (var net = guarded(PortSettings.standard().withStorms(StormLimits.framesPerSecond(1000)))) {
            for (int i = 0; i < 5000; i++) {
                net.send(0, frame(0, ALL));
            }
            assertThat(net.counts()).containsExactly(0, 100);
            net.clock.advance(Duration.ofMillis(50));
            for (int i = 0; i < 5000; i++) {
                net.send(0, frame(0, ALL));
            }
            assertThat(net.counts()).containsExactly(0, 50);
            net.send(0, frame(0, mac(1)));
            assertThat(net.counts()).containsExactly(0, 1);
            assertThat(net.statistics(0).dropped(DropReason.STORM)).isEqualTo(9850);
        }
    }

    @Test
    void aGroupsAddressIsNobodysSource() {
        try (var net = Stations.standard(2)) {
            net.send(0, Frames.ethernet(ALL, 0x0100_5E00_0001L, Frames.LOCAL_TYPE, new byte[46]),
                    Frames.ethernet(ALL, 0, Frames.LOCAL_TYPE, new byte[46]));
            assertThat(net.counts()).containsExactly(0, 0);
            assertThat(net.statistics(0).dropped(DropReason.BAD_SOURCE)).isEqualTo(2);
            assertThat(net.network.stations()).isEmpty();
        }
    }

    @Test
    void offloadsThatLieAreDropped() {
        try (var net = Stations.standard(2)) {
            byte[] frame = Frames.tcpToBeSummed(mac(1), mac(0), OWN, OTHER, TcpHeader.ACK, new byte[5000]);
            FrameBatch batch = Frames.batch(frame, frame, frame, frame);
            VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 0, 34, 16);
            VnetHeader.set(batch.segment(1), 0, VnetHeader.NEEDS_CSUM, 0, 54, 0, 60_000, 16);
            VnetHeader.set(batch.segment(2), 0, 0, VnetHeader.GSO_TCPV4, 54, 1448, 34, 16);
            VnetHeader.set(batch.segment(3), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV6, 54, 1448, 34, 16);
            net.send(0, batch);
            assertThat(net.counts()).containsExactly(0, 0);
            assertThat(net.statistics(0).dropped(DropReason.BAD_OFFLOAD)).isEqualTo(4);
        }
    }

    @Test
    void rulesDecideInOrderAndCount() {
        var rules = List.of(
                Rule.all(Action.ALLOW, Direction.IN).withProtocol(17, null, new PortRange(53, 53)),
                Rule.all(Action.DENY, Direction.IN).withAddresses(null, IpPrefix.parse("10.0.0.0/24")),
                Rule.all(Action.DENY, Direction.OUT).withEtherType(Frames.LOCAL_TYPE));
        try (var net = guarded(PortSettings.standard().withRules(rules))) {
            net.send(0, Frames.udp(ALL, mac(0), OWN, OTHER, 1000, 53), Frames.udp(ALL, mac(0), OWN, OTHER, 1000, 54),
                    Frames.udp(ALL, mac(0), OWN, 0x0B000001, 1000, 54));
            assertThat(net.counts()).containsExactly(0, 2);
            net.send(1, frame(1, ALL), Frames.udp(ALL, mac(1), OTHER, OWN, 1, 2));
            assertThat(net.counts()).containsExactly(1, 0);
            assertThat(net.statistics(0).ruleMatches()).containsExactly(1, 1, 1);
            assertThat(net.statistics(0).dropped(DropReason.RULE)).isEqualTo(2);
        }
    }

    @Test
    void aFragmentDoesNotSlipPastADenial() {
        var rules = List.of(Rule.all(Action.DENY, Direction.IN).withProtocol(17, null, new PortRange(53, 53)));
        try (var net = guarded(PortSettings.standard().withRules(rules))) {
            byte[] fragment = Frames.udp(ALL, mac(0), OWN, OTHER, 1000, 2000, new byte[64]);
            Wire.put16(MemorySegment.ofArray(fragment), 20, 5);
            net.send(0, fragment);
            assertThat(net.counts()).containsExactly(0, 0);
        }
    }

    @Property(tries = 300)
    void noFrameBreaksTheSwitch(@ForAll long seed) {
        var random = new Random(seed);
        try (var net = new Stations(SwitchSettings.standard().withMulticastSnooping(true)
                .withSpanningTree(new MacAddress(0x0256_0000_0001L), 0x8000))) {
            net.add(PortSettings.guest().withGuard(GUARD).withTrust(true, true, true));
            net.add(PortSettings.standard().withVlans(PortVlans.trunk(1, 5)), LinkFeatures.none());
            net.add(PortSettings.standard()
                    .withRules(
                            List.of(Rule.all(Action.DENY, Direction.OUT).withProtocol(6, null, new PortRange(1, 9)))));
            for (int i = 0; i < 40; i++) {
                net.clock.advance(Duration.ofSeconds(1));
                net.network.run();
            }
            net.counts();
            for (int i = 0; i < 40; i++) {
                byte[] bytes = new byte[1 + random.nextInt(200)];
                random.nextBytes(bytes);
                MemorySegment frame = MemorySegment.ofArray(bytes);
                if (bytes.length > 60) {
                    long[] to = {ALL, mac(1), 0x0180_C200_0000L, 0x0100_5E01_0203L, 0x3333_0000_0005L};
                    Wire.put48(frame, 0, to[random.nextInt(to.length)]);
                    Wire.put48(frame, 6, mac(random.nextInt(3)));
                    int[] types = {0x0800, 0x86DD, 0x0806, 0x8100, 38};
                    Wire.put16(frame, 12, types[random.nextInt(types.length)]);
                    Wire.put8(frame, 14, new int[] {0x45, 0x60, 0x42, 0}[random.nextInt(4)]);
                    Wire.put16(frame, 16, random.nextInt(bytes.length));
                    Wire.put8(frame, 23, new int[] {2, 6, 17, 1, 58}[random.nextInt(5)]);
                }
                FrameBatch batch = Frames.batch(bytes, frame(0, ALL));
                if (random.nextBoolean()) {
                    VnetHeader.set(batch.segment(0), 0, random.nextInt(4), random.nextInt(6), random.nextInt(300),
                            random.nextInt(300), random.nextInt(300), random.nextInt(40));
                }
                net.send(random.nextInt(3), batch);
            }
            net.clock.advance(Duration.ofSeconds(1));
            net.network.run();
            assertThat(net.ports).allSatisfy(port -> assertThat(port.statistics().received()).isNotNegative());
            assertThat(net.statistics(0).received() + net.statistics(1).received() + net.statistics(2).received())
                    .isEqualTo(80);
        }
    }

    @Test
    void noByteOfOneGuestIsInAFrameForAnother() {
        // Long frames with a canary, then short ones: what waits in slots that were used before must not grow.
        try (var net = new Stations(SwitchSettings.standard())) {
            net.add(PortSettings.standard());
            net.add(PortSettings.standard().withRates(RateLimit.NONE, RateLimit.bitsPerSecond(100_000_000)));
            net.add(PortSettings.standard());
            byte[] secret = new byte[1500];
            Arrays.fill(secret, (byte) 0x5A);
            for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 50; i++) {
                    net.send(2, Frames.ethernet(mac(1), mac(2), Frames.LOCAL_TYPE, secret));
                    net.send(0, frame(0, mac(1)));
                }
                net.clock.advance(Duration.ofMillis(2));
                net.network.run();
            }
            net.clock.advance(Duration.ofSeconds(1));
            net.network.run();
            for (byte[] frame : net.got(1)) {
                boolean own = Wire.u48(MemorySegment.ofArray(frame), 6) == mac(2);
                assertThat(frame).hasSize(own ? 1514 : 60);
                if (!own) {
                    assertThat(frame).isEqualTo(frame(0, mac(1)));
                }
            }
        }
    }
}
