package dev.vz.net.definition;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.net.IpPrefix;
import dev.vz.net.definition.NetworkDefinition.Mode;
import dev.vz.testing.Peers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** libvirt's network XML, read, written, and judged by libvirt's own schema. */
class NetworkXmlTest {

    private static final String NAT = """
            <network>
              <name>default</name>
              <uuid>3e3fce45-4f53-4fa7-bb32-11f34168b82b</uuid>
              <forward dev='eth0' mode='nat'>
                <nat ipv6='yes'>
                  <port start='1024' end='65535'/>
                </nat>
                <interface dev='eth0'/>
              </forward>
              <bridge name='virbr0' stp='on' delay='0'/>
              <mtu size='9000'/>
              <mac address='52:54:00:0a:cd:21'/>
              <domain name='example.com' localOnly='yes'/>
              <dns forwardPlainNames='no'>
                <forwarder addr='8.8.8.8'/>
                <forwarder domain='corp.example' addr='10.1.1.1'/>
                <txt name='example' value='some text'/>
                <srv service='ldap' protocol='tcp' domain='example.com' target='ldap.example.com' port='389' priority='1' weight='2'/>
                <host ip='192.168.122.2'>
                  <hostname>myhost</hostname>
                  <hostname>myhostalias</hostname>
                </host>
              </dns>
              <ip address='192.168.122.1' netmask='255.255.255.0'>
                <tftp root='/srv/tftp'/>
                <dhcp>
                  <range start='192.168.122.100' end='192.168.122.254'/>
                  <host mac='00:16:3e:77:e2:ed' name='foo.example.com' ip='192.168.122.10'/>
                  <bootp file='pxelinux.0' server='192.168.122.1'/>
                </dhcp>
              </ip>
              <ip family='ipv6' address='2001:db8:ca2:2:0:0:0:1' prefix='64'>
                <dhcp>
                  <range start='2001:db8:ca2:2:1:0:0:10' end='2001:db8:ca2:2:1:0:0:ff'/>
                  <host id='0:3:0:1:0:16:3e:11:22:33' name='peter.xyz' ip='2001:db8:ca2:2:0:0:0:4'/>
                </dhcp>
              </ip>
              <route address='192.168.222.0' prefix='24' gateway='192.168.122.2' metric='2'/>
              <portgroup name='engineering' default='yes'>
              </portgroup>
            </network>
            """;

    private static final String OPEN = """
            <network><name>o</name><forward mode="open"/><bridge stp="off" delay="4"/>
            <ip address="10.9.0.1" prefix="16"/></network>
            """;

    private static final String BRIDGE = """
            <network><name>host-bridge</name><forward mode="bridge"/><bridge name="br0"/>
              <vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='47'/></vlan>
              <portgroup name='dontpanic'><vlan><tag id='42'/></vlan></portgroup></network>
            """;

    private static final String ROUTE = """
            <network><name>r</name><forward mode="route" dev="eth1"/>
            <ip address="192.168.7.1" netmask="255.255.255.240"/></network>
            """;

    private static final String ISOLATED = "<network><name>private</name><bridge name='virbr2'/>"
            + "<ip address='192.168.152.1' netmask='255.255.255.0'/></network>";

    @Test
    void everythingThatAnNatNetworkSaysIsRead() {
        var network = NetworkXml.read(NAT);
        assertThat(network.name()).isEqualTo("default");
        assertThat(network.forward()).isEqualTo(new NetworkDefinition.Forward(Mode.NAT, "eth0",
                new NetworkDefinition.Nat(1024, 65535, true)));
        assertThat(network.mtu()).isEqualTo(9000);
        assertThat(network.addresses()).hasSize(2);
        var first = network.addresses().getFirst();
        assertThat(first.address()).isEqualTo(IpPrefix.parse("192.168.122.1/24"));
        assertThat(first.dhcpHosts()).extracting(host -> host.name()).containsExactly("foo.example.com");
        assertThat(first.bootFile()).isEqualTo("pxelinux.0");
        assertThat(network.dns()).isNotNull();
        assertThat(network.dns().hosts().getFirst().names()).containsExactly("myhost", "myhostalias");
        assertThat(network.routes()).extracting(RouteDefinition::metric).containsExactly(2);
    }

    @Test
    void whatIsReadIsWrittenAgainLetterByLetter() {
        assertThat(NetworkXml.write(NetworkXml.read(NAT))).isEqualTo(NAT);
    }

    @ParameterizedTest
    @ValueSource(strings = {NAT, OPEN, BRIDGE, ROUTE, ISOLATED})
    void whatIsWrittenIsReadTheSame(String xml) {
        var network = NetworkXml.read(xml);
        assertThat(NetworkXml.read(NetworkXml.write(network))).isEqualTo(network);
    }

    @ParameterizedTest
    @ValueSource(strings = {NAT, OPEN, BRIDGE, ROUTE, ISOLATED})
    void whatIsWrittenIsValidToLibvirt(String xml, @TempDir Path folder) throws Exception {
        Path judge = Peers.program("virt-xml-validate", "libvirt-clients");
        Path file = Files.writeString(folder.resolve("network.xml"), NetworkXml.write(NetworkXml.read(xml)));
        Process process = new ProcessBuilder(judge.toString(), file.toString(), "network").redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(said).isZero();
    }

    @Test
    void whatCannotBeDoneIsAnErrorThatNamesIt() {
        assertThatThrownBy(() -> NetworkXml
                .read("<network><name>x</name><bandwidth><inbound average='1'/></bandwidth></network>"))
                .isInstanceOf(FormatException.class).hasMessageContaining("<bandwidth>");
        assertThatThrownBy(() -> NetworkXml.read("<network><name>x</name><forward mode='vepa'/></network>"))
                .hasMessageContaining("vepa");
        assertThatThrownBy(() -> NetworkXml.read("<network><name>a/b</name></network>"))
                .hasMessageContaining("a/b");
        assertThatThrownBy(
                () -> NetworkXml.read("<network><name>x</name><ip address='10.0.0.1' prefix='33'/></network>"))
                .isInstanceOf(VzException.class).hasMessageContaining("33");
        assertThatThrownBy(() -> NetworkXml.read("<network><name>x</name><ip address='10.0.0.1' prefix='24'><dhcp>"
                + "<range start='10.0.1.1' end='10.0.1.2'/></dhcp></ip></network>")).isInstanceOf(VzException.class)
                .hasMessageContaining("10.0.1.1");
    }

    @Test
    void entitiesAndOtherFilesAreNotRead(@TempDir Path folder) throws Exception {
        Path secret = Files.writeString(folder.resolve("secret"), "secret");
        assertThatThrownBy(() -> NetworkXml.read("<!DOCTYPE network [<!ENTITY x SYSTEM 'file://" + secret
                + "'>]><network><name>&x;</name></network>")).isInstanceOf(FormatException.class)
                .hasMessageContaining("DOCTYPE");
    }

    @Property(tries = 500)
    void anyTextIsANetworkOrATypedError(@ForAll long seed) {
        var random = new Random(seed);
        var text = new StringBuilder(random.nextBoolean() ? NAT : BRIDGE);
        for (int i = 0; i < 3; i++) {
            int at = random.nextInt(text.length());
            switch (random.nextInt(3)) {
                case 0 -> text.deleteCharAt(at);
                case 1 -> text.insert(at, (char) (32 + random.nextInt(95)));
                default -> text.setCharAt(at, (char) (32 + random.nextInt(95)));
            }
        }
        try {
            assertThat(NetworkXml.read(text.toString()).name()).isNotEmpty();
        } catch (VzException expected) {
            assertThat(expected.getMessage()).isNotEmpty();
        }
    }
}
