package dev.vz.net.dhcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.Inet4Address;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** RFC 2131, from the client's side. */
class DhcpServerTest {

    private static final IpPrefix NETWORK = IpPrefix.parse("10.0.2.2/24");
    private static final MacAddress ONE = MacAddress.parse("52:54:00:00:00:01");
    private static final MacAddress TWO = MacAddress.parse("52:54:00:00:00:02");

    private Instant now = Instant.ofEpochSecond(1_000_000);
    private final InstantSource clock = () -> now;

    private static DhcpConfiguration configuration() {
        return DhcpConfiguration.of(NETWORK, address("10.0.2.10"), address("10.0.2.12"));
    }

    private DhcpServer server() {
        return new DhcpServer(configuration(), null, clock);
    }

    private static Inet4Address address(String text) {
        return (Inet4Address) IpPrefix.address(text);
    }

    private static int number(String text) {
        return IpPrefix.number(address(text));
    }

    private static DhcpMessage message(int type, MacAddress mac) {
        return new DhcpMessage(DhcpMessage.BOOTREQUEST, type, mac);
    }

    private static @Nullable DhcpMessage exchange(DhcpServer server, MacAddress mac) {
        DhcpMessage offer = server.answer(message(DhcpMessage.DISCOVER, mac));
        if (offer == null) {
            return null;
        }
        assertThat(offer.type()).isEqualTo(DhcpMessage.OFFER);
        return server.answer(message(DhcpMessage.REQUEST, mac).putInt(DhcpOption.REQUESTED_ADDRESS, offer.yiaddr)
                .putInt(DhcpOption.SERVER_IDENTIFIER, offer.address(DhcpOption.SERVER_IDENTIFIER)));
    }

    @Test
    void aClientGetsAnAddressWithAllThatGoesWithIt() {
        DhcpMessage ack = exchange(server(), ONE);
        assertThat(ack).isNotNull();
        assertThat(ack.type()).isEqualTo(DhcpMessage.ACK);
        assertThat(ack.yiaddr).isEqualTo(number("10.0.2.10"));
        assertThat(ack.address(DhcpOption.ROUTER)).isEqualTo(number("10.0.2.2"));
        assertThat(ack.address(DhcpOption.SUBNET_MASK)).isEqualTo(0xFFFFFF00);
        assertThat(ack.address(DhcpOption.LEASE_TIME)).isEqualTo(3600);
        DhcpMessage parsed = DhcpMessage.parse(ack.bytes());
        assertThat(parsed.yiaddr).isEqualTo(ack.yiaddr);
        assertThat(parsed.address(DhcpOption.DNS_SERVERS)).isEqualTo(number("10.0.2.2"));
    }

    @Test
    void itGetsTheSameAddressAgainAndOthersGetOthersUntilThereIsNone() {
        DhcpServer server = server();
        var given = new HashSet<Integer>();
        for (int i = 1; i <= 3; i++) {
            DhcpMessage ack = exchange(server, new MacAddress(ONE.value() + i));
            assertThat(ack).isNotNull();
            given.add(ack.yiaddr);
        }
        assertThat(given).hasSize(3);
        DhcpMessage again = exchange(server, new MacAddress(ONE.value() + 2));
        assertThat(again).isNotNull();
        assertThat(given).contains(again.yiaddr);
        assertThat(exchange(server, TWO.equals(new MacAddress(ONE.value() + 1)) ? new MacAddress(9) : TWO)).isNull();
        now = now.plusSeconds(3601);
        assertThat(exchange(server, new MacAddress(0x52_54_00_00_00_99L))).isNotNull();
    }

    @Test
    void aReservedAddressIsItsOwnersAlone() {
        var server = new DhcpServer(configuration().withReservation(TWO, address("10.0.2.10"), "web"), null, clock);
        DhcpMessage other = exchange(server, ONE);
        assertThat(other).isNotNull();
        assertThat(other.yiaddr).isEqualTo(number("10.0.2.11"));
        DhcpMessage own = exchange(server, TWO);
        assertThat(own).isNotNull();
        assertThat(own.yiaddr).isEqualTo(number("10.0.2.10"));
        assertThat(own.option(DhcpOption.HOST_NAME)).asString(StandardCharsets.US_ASCII).isEqualTo("web");
    }

    @Test
    void whatIsNotItsOwnIsRefusedAndAboutStrangersItIsSilent() {
        DhcpServer server = server();
        DhcpMessage ack = exchange(server, ONE);
        assertThat(ack).isNotNull();
        DhcpMessage stolen = server.answer(message(DhcpMessage.REQUEST, TWO)
                .putInt(DhcpOption.REQUESTED_ADDRESS, ack.yiaddr)
                .putInt(DhcpOption.SERVER_IDENTIFIER, number("10.0.2.2")));
        assertThat(stolen).isNotNull();
        assertThat(stolen.type()).isEqualTo(DhcpMessage.NAK);
        assertThat(stolen.wantsBroadcast()).isTrue();
        assertThat(server.answer(
                message(DhcpMessage.REQUEST, TWO).putInt(DhcpOption.REQUESTED_ADDRESS, number("10.0.2.11")))).isNull();
        DhcpMessage moved = server.answer(
                message(DhcpMessage.REQUEST, TWO).putInt(DhcpOption.REQUESTED_ADDRESS, number("192.0.2.7")));
        assertThat(moved).isNotNull();
        assertThat(moved.type()).isEqualTo(DhcpMessage.NAK);
    }

    @Test
    void anAddressInUseElsewhereRestsAndAReleasedOneIsFree() {
        DhcpServer server = server();
        DhcpMessage ack = exchange(server, ONE);
        assertThat(ack).isNotNull();
        server.answer(message(DhcpMessage.DECLINE, ONE).putInt(DhcpOption.REQUESTED_ADDRESS, ack.yiaddr)
                .putInt(DhcpOption.SERVER_IDENTIFIER, number("10.0.2.2")));
        DhcpMessage next = exchange(server, ONE);
        assertThat(next).isNotNull();
        assertThat(next.yiaddr).isNotEqualTo(ack.yiaddr);
        DhcpMessage release = message(DhcpMessage.RELEASE, ONE);
        release.ciaddr = next.yiaddr;
        assertThat(server.answer(release)).isNull();
        assertThat(server.leases()).isEmpty();
    }

    @Test
    void leasesSurviveTheProcessEvenWithALineCutOff(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("leases");
        int given;
        var store = new LeaseStore(file);
        var server = new DhcpServer(configuration(), store, clock);
        DhcpMessage ack = exchange(server, ONE);
        assertThat(ack).isNotNull();
        given = ack.yiaddr;
        // The process is killed here: nothing is closed, and the next line is half written.
        Files.writeString(file, Files.readString(file) + "99999 52:54", StandardCharsets.UTF_8);
        try (var again = new LeaseStore(file)) {
            var restarted = new DhcpServer(configuration(), again, clock);
            assertThat(restarted.leases()).singleElement()
                    .satisfies(lease -> assertThat(lease.mac()).isEqualTo(ONE));
            DhcpMessage second = exchange(restarted, ONE);
            assertThat(second).isNotNull();
            assertThat(second.yiaddr).isEqualTo(given);
            for (int i = 0; i < 10_000; i++) {
                exchange(restarted, ONE);
            }
        }
        assertThat(Files.size(file)).isLessThan(1 << 20);
        store.close();
        Files.writeString(file, "something else\n");
        assertThatThrownBy(() -> new LeaseStore(file)).isInstanceOf(FormatException.class)
                .hasMessageContaining("something else");
    }

    @Test
    void networkBootAndFurtherOptionsAreThereForWhoAsks() {
        var server = new DhcpServer(configuration()
                .withBoot(new DhcpConfiguration.Boot(address("10.0.2.3"), "pxelinux.0"))
                .withOption(42, new byte[] {1, 2,
                    3, 4}),
                null, clock);
        DhcpMessage offer = server.answer(message(DhcpMessage.DISCOVER, ONE).put(DhcpOption.PARAMETER_LIST, (byte) 42));
        assertThat(offer).isNotNull();
        assertThat(offer.siaddr).isEqualTo(number("10.0.2.3"));
        assertThat(offer.file).asString(StandardCharsets.US_ASCII).isEqualTo("pxelinux.0");
        assertThat(offer.option(42)).containsExactly(1, 2, 3, 4);
        DhcpMessage plain = server.answer(message(DhcpMessage.DISCOVER, ONE));
        assertThat(plain).isNotNull();
        assertThat(plain.option(42)).isNull();
    }

    @Test
    void namesThatAreNoneDoNotEndUpInDns() {
        DhcpServer server = server();
        for (String name : new String[] {"-evil", "a b", "x\ny", "a".repeat(64), "<script>"}) {
            DhcpMessage offer = server.answer(message(DhcpMessage.DISCOVER, ONE));
            assertThat(offer).isNotNull();
            server.answer(message(DhcpMessage.REQUEST, ONE).putInt(DhcpOption.REQUESTED_ADDRESS, offer.yiaddr)
                    .putInt(DhcpOption.SERVER_IDENTIFIER, number("10.0.2.2"))
                    .put(DhcpOption.HOST_NAME, name.getBytes(StandardCharsets.US_ASCII)));
            assertThat(server.leases()).singleElement().satisfies(lease -> assertThat(lease.name()).isNull());
        }
    }

    @Test
    void aFloodOfClientsLeavesTheServerAsLargeAsItsRange() {
        DhcpServer server = server();
        for (int i = 0; i < 50_000; i++) {
            exchange(server, new MacAddress(0x52_54_00_00_00_00L + i));
        }
        assertThat(server.leases()).hasSize(3);
    }

    @Property(tries = 2000)
    void anyBytesAreAMessageOrAreRefused(@ForAll @Size(max = 700) byte[] bytes) {
        byte[] message = bytes;
        if (message.length >= 240) {
            ByteBuffer.wrap(message).put(1, (byte) 1).put(2, (byte) 6).putInt(236, 0x63825363);
        }
        try {
            DhcpMessage parsed = DhcpMessage.parse(message);
            DhcpMessage answer = server().answer(parsed);
            if (answer != null) {
                assertThat(DhcpMessage.parse(answer.bytes()).type()).isEqualTo(answer.type());
            }
        } catch (FormatException refused) {
            assertThat(refused).hasMessageContaining("DHCP");
        }
    }

    @Property(tries = 2000)
    void anyBytesAreADhcp6MessageOrAreRefused(@ForAll long seed, @ForAll @Size(max = 300) byte[] bytes) {
        var server = new Dhcp6Server(IpPrefix.parse("fd00::/64"), java.util.List.of(), ONE, 3600);
        byte[] message = bytes;
        if (message.length > 0) {
            message[0] = (byte) new Random(seed).nextInt(1, 12);
        }
        try {
            byte[] answer = server.answer(message);
            if (answer != null) {
                assertThat(answer.length).isGreaterThan(4);
            }
        } catch (FormatException refused) {
            assertThat(refused).hasMessageContaining("DHCPv6");
        }
    }

    @Test
    void dhcp6GivesOneAddressToEachAndNameServersToAll() {
        var server = new Dhcp6Server(IpPrefix.parse("fd00::/64"),
                java.util.List.of((java.net.Inet6Address) IpPrefix.address("fd00::2")), ONE, 3600);
        byte[] information = {11, 1, 2, 3};
        byte[] reply = server.answer(information);
        assertThat(reply).isNotNull().startsWith(7, 1, 2, 3);
        assertThat(java.util.HexFormat.of().formatHex(reply)).contains("00170010fd000000000000000000000000000002");
        byte[] solicit = java.util.HexFormat.of().parseHex("01aabbcc" + "0001000a00030001525400000002"
                + "0003000c000000010000000000000000");
        byte[] advertise = server.answer(solicit);
        assertThat(advertise).isNotNull().startsWith(2, 0xAA, 0xBB, 0xCC);
        assertThat(server.answer(solicit)).isEqualTo(advertise);
        assertThat(java.util.HexFormat.of().formatHex(advertise)).contains("fd000000000000000000000000010000");
    }
}
