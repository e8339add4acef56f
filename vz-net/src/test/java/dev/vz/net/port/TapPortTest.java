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
import dev.vz.linux.network.TapDevice.Offload;
import dev.vz.linux.socket.DatagramBatch;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Wire;
import dev.vz.testing.Peers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
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
        return open(name, TapPort.COMMON, loops);
    }

    private TapPort open(String name, Set<Offload> offloads, EpollLoop... loops) {
        return namespace.call(() -> {
            TapPort port = TapPort.open(name, offloads, loops);
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

    private static final int PIECE = 1000;

    private static byte[] threeDatagrams() {
        byte[] data = new byte[2 * PIECE + 500];
        new Random(3).nextBytes(data);
        return data;
    }

    @Test
    void datagramsThatTheHostSendsTogetherArriveInOneFrameWhereTheKernelCanSegmentThem() {
        Peers.program("ip", "iproute2");
        try (var port = open("vzu", EnumSet.allOf(Offload.class), loop)) {
            ip("address add 192.0.2.1/24 dev vzu");
            ip("neighbour add 192.0.2.2 lladdr 52:54:00:00:00:01 dev vzu nud permanent");
            var kinds = new ArrayList<Integer>();
            var payload = new ByteArrayOutputStream();
            port.receive(batch -> {
                for (int i = 0; i < batch.count(); i++) {
                    byte[] frame = Frames.copy(batch, i);
                    if (frame[0] == 0x52 && frame[12] == 8 && frame[23] == IpProtocol.UDP) {
                        kinds.add(VnetHeader.gsoType(batch.segment(i), batch.headerOffset(i)));
                        payload.write(frame, 42, frame.length - 42);
                    }
                }
                return batch.count();
            });
            byte[] data = threeDatagrams();
            MemorySegment buffer = Arena.ofAuto().allocate(data.length);
            buffer.copyFrom(MemorySegment.ofArray(data));
            try (var socket = namespace.call(() -> InternetSocket.open(InternetSocket.Protocol.UDP, false))) {
                assertThat(socket.connect(SocketName.of(new InetSocketAddress("192.0.2.2", 5000)))).isZero();
                var datagrams = new DatagramBatch(3);
                for (int i = 0; i < 3; i++) {
                    datagrams.set(i, buffer, (long) i * PIECE, Math.min(PIECE, data.length - i * PIECE));
                }
                assertThat(datagrams.sendJoined(socket, 3, PIECE)).isEqualTo(1);
            }
            until(() -> payload.size() >= data.length);
            assertThat(payload.toByteArray()).isEqualTo(data);
            assertThat(kinds).isEqualTo(
                    port.features().uso() ? List.of(VnetHeader.GSO_UDP_L4) : Collections.nCopies(3, 0));
        }
    }

    @Test
    void aLargeFrameOfDatagramsArrivesAtTheHostAsThoseDatagrams() throws Exception {
        Peers.program("ip", "iproute2");
        try (var port = open("vzv", EnumSet.allOf(Offload.class), loop);
                var socket = namespace.call(() -> DatagramChannel.open(StandardProtocolFamily.INET)
                        .setOption(StandardSocketOptions.SO_RCVBUF, 1 << 18))) {
            ip("link set vzv address 52:54:00:00:00:88");
            ip("address add 192.0.2.1/24 dev vzv");
            socket.bind(new InetSocketAddress("192.0.2.1", 5000));
            socket.configureBlocking(false);
            byte[] data = threeDatagrams();
            FrameBatch batch = Frames.batch(Frames.udp(0x5254_0000_0088L, 0x5254_0000_0001L, 0xC000_0202, 0xC000_0201,
                    4000, 5000, data));
            MemorySegment frame = batch.segment(0);
            Wire.put16(frame, VnetHeader.SIZE + 40,
                    Checksum.fold(Checksum.pseudo4(0xC000_0202, 0xC000_0201, IpProtocol.UDP, 8 + data.length)));
            VnetHeader.set(frame, 0, VnetHeader.NEEDS_CSUM, VnetHeader.GSO_UDP_L4, 42, PIECE, 34, 6);
            assertThat(port.send(batch)).isEqualTo(1);
            if (!port.features().uso()) {
                assertThat(port.counters().sendDropped()).isEqualTo(1);
                return;
            }
            var sizes = new ArrayList<Integer>();
            var whole = new ByteArrayOutputStream();
            var room = ByteBuffer.allocate(4096);
            until(() -> {
                try {
                    if (socket.receive(room.clear()) != null) {
                        sizes.add(room.position());
                        whole.write(room.array(), 0, room.position());
                    }
                    return sizes.size() == 3;
                } catch (IOException failure) {
                    throw new UncheckedIOException(failure);
                }
            });
            assertThat(sizes).containsExactly(PIECE, PIECE, 500);
            assertThat(whole.toByteArray()).isEqualTo(data);
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
