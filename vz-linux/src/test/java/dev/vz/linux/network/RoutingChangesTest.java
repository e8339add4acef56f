package dev.vz.linux.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.testing.Peers;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Notifications of a network namespace of the test's own, whose configuration it changes. */
@Timeout(120)
class RoutingChangesTest {

    private static void ip(NetworkNamespace namespace, String words) {
        int status = namespace.call(() -> new ProcessBuilder(("ip " + words).split(" ")).inheritIO().start().waitFor());
        assertThat(status).as("status of ip %s", words).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"address add 192.0.2.7/32 dev lo", "address add 2001:db8::7/128 dev lo",
        "route add local 198.51.100.0/24 dev lo", "-6 route add local 2001:db8:1::/64 dev lo",
        "rule add from 203.0.113.1 table 7", "-6 rule add from 2001:db8:2::1 table 7"})
    void everyChangeIsNoticedByAnEventLoop(String change) {
        Peers.root();
        Peers.program("ip", "iproute2");
        var noticed = new AtomicInteger();
        try (var namespace = NetworkNamespace.create(); var loop = new EpollLoop("routing changes")) {
            ip(namespace, "link set lo up");
            try (var changes = namespace.call(RoutingChanges::watch);
                    var registration = loop.register(changes.descriptor(), Readiness.IN, (which, readiness) -> {
                        if (changes.take()) {
                            noticed.incrementAndGet();
                        }
                    })) {
                loop.poll(0);
                assertThat(noticed).hasValue(0);
                ip(namespace, change);
                // The kernel has told before the command ends, once at least.
                loop.poll(0);
                assertThat(noticed).hasValue(1);
                // What is taken is not told again; of an IPv6 address the kernel tells once more when it has checked it.
                int quiet = 0;
                for (int i = 0; i < 200 && quiet < 3; i++) {
                    quiet = loop.poll(10) == 0 ? quiet + 1 : 0;
                }
                assertThat(quiet).as("polls in a row with nothing to tell").isEqualTo(3);
                assertThat(registration.descriptor()).isSameAs(changes.descriptor());
            }
        }
    }

    @Test
    void whatHappensElsewhereIsNotNoticed() {
        Peers.root();
        Peers.program("ip", "iproute2");
        try (var here = NetworkNamespace.create(); var elsewhere = NetworkNamespace.create();
                var changes = here.call(RoutingChanges::watch)) {
            ip(elsewhere, "link set lo up");
            assertThat(changes.take()).isFalse();
        }
    }
}
