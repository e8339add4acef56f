package dev.vz.net.port;

import static dev.vz.net.Frames.LOCAL_TYPE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkInterface;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.testing.Peers;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** TAP interfaces in a network namespace of the test's own. */
@Timeout(20)
@SuppressWarnings("NullAway.Init")
class TapPortTest {

    private NetworkNamespace namespace;
    private EpollLoop loop;

    @BeforeEach
    void enter() {
        Peers.root();
        namespace = NetworkNamespace.create();
        loop = new EpollLoop("TAPs under test");
    }

    @AfterEach
    void leave() {
        if (loop != null) {
            loop.close();
            namespace.close();
        }
    }

    private void until(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the condition within ten seconds").isLessThan(end);
            loop.poll(10);
        }
    }

    private TapPort open(String name, EpollLoop... loops) {
        return namespace.call(() -> {
            TapPort port = TapPort.open(name, loops);
            try (var tap = NetworkInterface.of(port.name())) {
                tap.setUp(true);
            }
            return port;
        });
    }

    @Test
    void whatTheHostSendsArrivesWithItsHeader() throws Exception {
        try (var port = open("vzt%d", loop)) {
            assertThat(port.name()).isEqualTo("vzt0");
            assertThat(port.features().tso4()).isTrue();
            assertThat(port.features().mtu()).isEqualTo(1500);
            var arrived = Collector.on(port);
            // Switched on, the interface looks for IPv6 neighbours by itself: multicast frames of type 0x86DD.
            until(() -> arrived.frames().stream().anyMatch(frame -> frame[0] == 0x33 && frame[12] == (byte) 0x86));
            assertThat(port.counters().received()).isPositive();
            assertThat(port.counters().malformed()).isZero();
        }
    }

    @Test
    void whatIsSentArrivesAtTheHost() {
        try (var port = open("vzs", loop)) {
            assertThat(Frames.send(port, Frames.ethernet(0xFFFF_FFFF_FFFFL, 0x5254_0000_0001L, LOCAL_TYPE,
                    new byte[46]),
                    Frames.ethernet(0xFFFF_FFFF_FFFFL, 0x5254_0000_0001L, LOCAL_TYPE,
                            new byte[46])))
                    .isEqualTo(2);
            assertThat(port.counters().sent()).isEqualTo(2);
            assertThat(port.counters().sendDropped()).isZero();
        }
    }

    @Test
    void aHeaderThatTheKernelDoesNotBelieveCostsThatFrameOnly() {
        try (var port = open("vzh", loop)) {
            byte[] frame = Frames.ethernet(0xFFFF_FFFF_FFFFL, 0x5254_0000_0001L, LOCAL_TYPE, new byte[46]);
            FrameBatch batch = Frames.batch(frame, frame, frame);
            VnetHeader.set(batch.segment(1), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1000, 60000, 16);
            assertThat(port.send(batch)).isEqualTo(3);
            assertThat(port.counters().sent()).isEqualTo(2);
            assertThat(port.counters().sendDropped()).isEqualTo(1);
        }
    }

    @Test
    void aTapMayHaveAQueuePerLoop() {
        try (var second = new EpollLoop("second queue"); var port = open("vzq", loop, second)) {
            var arrived = Collector.on(port);
            until(() -> {
                second.poll(0);
                return !arrived.frames().isEmpty();
            });
            assertThat(Frames.send(port, Frames.ethernet(0xFFFF_FFFF_FFFFL, 0x5254_0000_0001L, LOCAL_TYPE,
                    new byte[46]))).isEqualTo(1);
        }
    }

    @Test
    void theInterfaceGoesWithItsPort() {
        open("vzg", loop).close();
        try (var again = open("vzg", loop)) {
            assertThat(again.isUp()).isTrue();
            again.close();
            assertThat(Frames.send(again, Frames.ethernet(1, 2, LOCAL_TYPE))).isZero();
        }
    }
}
