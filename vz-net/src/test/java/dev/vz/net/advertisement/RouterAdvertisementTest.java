package dev.vz.net.advertisement;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.Inet6Address;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** RFC 4861, 4.2 and 4.6, and RFC 8106, 5. */
class RouterAdvertisementTest {

    private static final MacAddress MAC = MacAddress.parse("52:55:0a:00:02:02");

    @Test
    void everyOptionIsWhereTheSpecificationHasIt() {
        var advertisement = new RouterAdvertisement(IpPrefix.parse("fd00::2/64"), 1500, Duration.ofSeconds(1800), false,
                true, List.of((Inet6Address) IpPrefix.address("fd00::2")), "guests.test");
        assertThat(HexFormat.of().formatHex(advertisement.bytes(MAC))).isEqualTo("86000000" + "40400708" + "00000000"
                + "00000000" + "010152550a000202" + "05010000000005dc"
                + "030440c000001c2000000e1000000000fd000000000000000000000000000000"
                + "1903000000000708fd000000000000000000000000000002" + "1f03000000000708" + "06677565737473"
                + "0474657374"
                + "00" + "000000");
    }

    @Test
    void aRouterThatLeavesSaysSo() {
        byte[] bytes = RouterAdvertisement.of(IpPrefix.parse("fd00::2/64"), 1500).withLifetime(Duration.ZERO)
                .bytes(MAC);
        assertThat(bytes[6]).isZero();
        assertThat(bytes[7]).isZero();
    }

    @Test
    void whatCannotBeSaidIsRefused() {
        assertThatThrownBy(() -> RouterAdvertisement.of(IpPrefix.parse("fd00::2/64"), 1500)
                .withLifetime(Duration.ofHours(3))).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> RouterAdvertisement.name("a..b")).isInstanceOf(ConfigurationException.class);
    }
}
