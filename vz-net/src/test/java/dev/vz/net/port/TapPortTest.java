package dev.vz.net.port;

import static dev.vz.net.Frames.LOCAL_TYPE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.HostException;
import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkInterface;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.testing.Peers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** TAP interfaces in a network namespace of the test's own. */
@Timeout(120)
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
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the condition within a minute").isLessThan(end);
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

    private static final long MACVTAP = 0x5254_0000_0077L;

    private void ip(String words) {
        int status = namespace.call(() -> new ProcessBuilder(("ip " + words).split(" ")).inheritIO().start().waitFor());
        assertThat(status).as("status of ip %s", words).isZero();
    }

    /** A macvtap on a TAP, so that the network below it is ours, too. */
    private TapPort macvtap(String name, TapPort below, EpollLoop... loops) {
        Peers.program("ip", "iproute2");
        // The file is named after the number, which in a new namespace is a small one that others have, too.
        int number = new SecureRandom().nextInt(1 << 20, 1 << 30);
        ip("link add link " + below.name() + " name " + name + " index " + number
                + " address 52:54:00:00:00:77 type macvtap mode bridge");
        int index = namespace.call(() -> {
            try (var itself = NetworkInterface.of(name)) {
                itself.setUp(true);
                return itself.index();
            }
        });
        Peers.require(Files.exists(Path.of("/dev/tap" + index)), "/dev has no file for a new macvtap");
        return namespace.call(() -> TapPort.openMacvtap(name, loops));
    }

    @Test
    void aMacvtapReachesTheNetworkBelowItAndIsReachedOnEveryQueue() {
        try (var second = new EpollLoop("second queue"); var below = open("vzl", loop);
                var port = macvtap("vzm", below, loop, second)) {
            assertThat(port.features().tso4()).isTrue();
            var down = Collector.on(below);
            byte[] question = Frames.ethernet(0xFFFF_FFFF_FFFFL, MACVTAP, LOCAL_TYPE, new byte[46]);
            assertThat(Frames.send(port, question)).isEqualTo(1);
            until(() -> down.frames().stream().anyMatch(frame -> Arrays.equals(frame, question)));
            var byQueue = new int[2];
            port.receive(batch -> {
                byQueue[loop.isLoopThread() ? 0 : 1] += batch.count();
                return batch.count();
            });
            for (int flow = 0; flow < 64; flow++) {
                assertThat(Frames.send(below, Frames.udp(MACVTAP, 0x5254_0000_0001L, 0x0A00_0001, 0x0A00_0002,
                        10_000 + flow, 53, new byte[100]))).isEqualTo(1);
            }
            until(() -> {
                second.poll(0);
                return byQueue[0] + byQueue[1] >= 64;
            });
            assertThat(byQueue[0]).isPositive();
            assertThat(byQueue[1]).isPositive();
        }
    }

    @Test
    void aLargeSegmentCrossesAMacvtapInOnePiece() {
        try (var below = open("vzl", loop); var port = macvtap("vzm", below, loop)) {
            byte[] frame = Frames.tcpToBeSummed(MACVTAP, 0x5254_0000_0001L, 0x0A00_0001, 0x0A00_0002, 0x10,
                    new byte[4000]);
            var kinds = new ArrayList<Integer>();
            port.receive(batch -> {
                for (int i = 0; i < batch.count(); i++) {
                    if (Arrays.equals(Frames.copy(batch, i), frame)) {
                        kinds.add(VnetHeader.gsoType(batch.segment(i), batch.headerOffset(i)));
                    }
                }
                return batch.count();
            });
            FrameBatch batch = Frames.batch(frame);
            VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_TCPV4, 54, 1000, 34, 16);
            assertThat(below.send(batch)).isEqualTo(1);
            until(() -> !kinds.isEmpty());
            assertThat(kinds).containsExactly(VnetHeader.GSO_TCPV4);
        }
    }

    @Test
    void whatIsNoMacvtapIsRefusedByName() {
        try (var below = open("vzn", loop)) {
            assertThatThrownBy(() -> namespace.call(() -> TapPort.openMacvtap("nonesuch", loop)))
                    .isInstanceOf(HostException.class).hasMessageContaining("ENODEV");
            assertThatThrownBy(() -> namespace.call(() -> TapPort.openMacvtap(below.name(), loop)))
                    .isInstanceOf(HostException.class);
        }
    }
}
