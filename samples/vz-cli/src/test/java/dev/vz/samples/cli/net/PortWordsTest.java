package dev.vz.samples.cli.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.net.bridge.StormLimits;
import dev.vz.samples.cli.net.PortWords.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/** Ports as the command line describes them. */
class PortWordsTest {

    private static PortWords read(String text) {
        return new PortWords.Converter().convert(text);
    }

    @Test
    void aTapIsAnAccessPortOfTheDefaultVlan() {
        PortWords words = read("tap=tap0");
        assertThat(words.kind()).isEqualTo(Kind.TAP);
        assertThat(words.where()).isEqualTo("tap0");
        assertThat(words.settings().vlans().untagged()).isEqualTo(1);
        assertThat(words.settings().mayServeDhcp()).isTrue();
    }

    @Test
    void settingsFollowInAnyOrder() {
        PortWords words = read("listen=/run/s,vlan=10,isolated,storm=100,mac=52:54:00:00:00:01,ip=10.0.0.0/24,mtu=9000,"
                + "guest,group=3,receive-rate=1000000");
        assertThat(words.kind()).isEqualTo(Kind.LISTEN);
        assertThat(words.mtu()).isEqualTo(9000);
        assertThat(words.settings().vlans().untagged()).isEqualTo(10);
        assertThat(words.settings().isolated()).isTrue();
        assertThat(words.settings().group()).isEqualTo(3);
        assertThat(words.settings().storms()).isEqualTo(StormLimits.framesPerSecond(100));
        assertThat(words.settings().mayServeDhcp()).isFalse();
        assertThat(words.settings().guard()).hasToString("[52:54:00:00:00:01] with [10.0.0.0/24]");
        assertThat(words.settings().receiveLimit().perSecond()).isEqualTo(1_000_000);
    }

    @Test
    void aTunnelHasTwoEndsAndANetwork() {
        PortWords words = read("vxlan=42/192.0.2.1/192.0.2.2,isolated");
        assertThat(words.mtu()).isEqualTo(1450);
        assertThat(words.settings().isolated()).isTrue();
        assertThat(words.tunnel().vni()).isEqualTo(42);
        assertThat(words.tunnel().remote().getHostAddress()).isEqualTo("192.0.2.2");
        assertThat(words.tunnel().port()).isEqualTo(4789);
        assertThat(read("vxlan=1/2001:db8::1/2001:db8::2/8472").tunnel().port()).isEqualTo(8472);
    }

    @Test
    void aTrunkNamesItsVlans() {
        assertThat(read("tap=t,trunk=1:10/20").settings().vlans()).hasToString("untagged 1, tagged 10,20");
        assertThat(read("tap=t,trunk=all").settings().vlans()).hasToString("untagged none, tagged 1-4094");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "tap", "tap=", "tun=t", "tap=t,vlan", "tap=t,vlan=x", "tap=t,vlan=5000",
        "tap=t,isolated=1",
        "vxlan=42", "vxlan=42/192.0.2.1/x", "vxlan=n/192.0.2.1/192.0.2.2", "tap=t,ip=10.0.0.1", "tap=t,mac=zz",
        "tap=t,colour=red", "tap=t,trunk=1:"})
    void whatIsWrongIsSaid(String text) {
        assertThatThrownBy(() -> read(text)).isInstanceOf(TypeConversionException.class)
                .message().isNotEmpty();
    }
}
