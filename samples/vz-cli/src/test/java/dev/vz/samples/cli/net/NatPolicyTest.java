package dev.vz.samples.cli.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.net.IpPrefix;
import dev.vz.net.gateway.EgressPolicy.Decision;
import dev.vz.net.gateway.EgressRequest;
import dev.vz.net.gateway.EgressRequest.Protocol;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code vz nat --allow} and {@code --allow-server} mean. */
class NatPolicyTest {

    private static EgressRequest to(Protocol protocol, String address, int port) {
        return new EgressRequest(protocol, IpPrefix.address("10.0.2.15"), IpPrefix.address(address), port, Set.of());
    }

    @Test
    void rulesAreAllThereIsAndWithoutRulesEverythingIs() {
        var policy = new NatPolicy(List.of(new NatPolicy.Rule(Protocol.TCP, IpPrefix.parse("192.0.2.0/24"), 80),
                new NatPolicy.Rule(Protocol.ECHO, IpPrefix.parse("192.0.2.9"), 0)), List.of());
        assertThat(policy.decide(to(Protocol.TCP, "192.0.2.7", 80))).isEqualTo(Decision.ALLOW);
        assertThat(policy.decide(to(Protocol.TCP, "192.0.2.7", 81))).isEqualTo(Decision.REJECT);
        assertThat(policy.decide(to(Protocol.UDP, "192.0.2.7", 80))).isEqualTo(Decision.REJECT);
        assertThat(policy.decide(to(Protocol.TCP, "192.0.3.7", 80))).isEqualTo(Decision.REJECT);
        assertThat(policy.decide(to(Protocol.ECHO, "192.0.2.9", 0))).isEqualTo(Decision.ALLOW);
        assertThat(policy.readsServerNames(443)).isFalse();
        assertThat(new NatPolicy(List.of(), List.of("a.example")).decide(to(Protocol.TCP, "192.0.3.7", 80)))
                .isEqualTo(Decision.ALLOW);
    }

    @ParameterizedTest
    @CsvSource({"www.example.com,true", "example.com,false", "a.b.example.com,true", "evilexample.com,false",
        ".example.com,false", "one.test,true", "www.one.test,false", ",false"})
    void aServersNameMustBeOneOfThose(String name, boolean allowed) {
        var policy = new NatPolicy(List.of(), List.of("*.Example.com", "one.test"));
        assertThat(policy.decideServerName(to(Protocol.TCP, "192.0.2.7", 443), name))
                .isEqualTo(allowed ? Decision.ALLOW : Decision.REJECT);
    }

    @Test
    void namesAreReadOnTlssPortAndQuicWhichHidesThemIsRefused() {
        var policy = new NatPolicy(List.of(), List.of("one.test"));
        assertThat(policy.readsServerNames(443)).isTrue();
        assertThat(policy.readsServerNames(80)).isFalse();
        assertThat(policy.decide(to(Protocol.UDP, "192.0.2.7", 443))).isEqualTo(Decision.REJECT);
        assertThat(policy.decide(to(Protocol.UDP, "192.0.2.7", 53))).isEqualTo(Decision.ALLOW);
    }
}
