package dev.vz.net.port;

import static dev.vz.net.Frames.LOCAL_TYPE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** QEMU's framing on stream and datagram unix sockets, the loop driven by hand. */
@Timeout(120)
class SocketPortsTest {

    private static final long A = 0x5254_0000_000AL;
    private static final long B = 0x5254_0000_000BL;

    private final EpollLoop loop = new EpollLoop("ports under test");

    @AfterEach
    void closeLoop() {
        loop.close();
    }

    private void until(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the condition within a minute").isLessThan(end);
            loop.poll(10);
        }
    }

    private static byte[] frame(int size) {
        byte[] payload = new byte[size - 14];
        new Random(size).nextBytes(payload);
        return Frames.ethernet(B, A, LOCAL_TYPE, payload);
    }

    @Test
    void framesOfAllSizesArriveInOrderThroughAStream() {
        var pair = UnixSocket.pair(SocketType.STREAM, true);
        try (var a = StreamPort.on(pair.first().descriptor(), 9000, loop);
                var b = StreamPort.on(pair.second().descriptor(), 9000, loop)) {
            var arrived = Collector.on(b);
            var sent = new ArrayList<byte[]>();
            for (int size = 14; size <= 9014; size += 100) {
                byte[] frame = frame(size);
                sent.add(frame);
                until(() -> Frames.send(a, frame) == 1);
            }
            until(() -> arrived.frames().size() == sent.size());
            assertThat(arrived.frames()).usingRecursiveFieldByFieldElementComparator().isEqualTo(sent);
            assertThat(b.counters().received()).isEqualTo(sent.size());
        }
    }

    @Test
    void aStreamThatIsFullTakesFewerAndSaysWhenThereIsRoom() {
        var pair = UnixSocket.pair(SocketType.STREAM, true);
        try (var a = StreamPort.on(pair.first().descriptor(), 1500, loop);
                var b = StreamPort.on(pair.second().descriptor(), 1500, loop)) {
            var told = new boolean[1];
            a.onChange(() -> told[0] = true);
            int sent = 0;
            while (Frames.send(a, frame(1514)) == 1) {
                sent++;
                assertThat(sent).isLessThan(100_000);
            }
            assertThat(told[0]).isFalse();
            var arrived = Collector.on(b);
            int expected = sent;
            until(() -> arrived.frames().size() == expected && told[0]);
            assertThat(Frames.send(a, frame(1514))).isEqualTo(1);
        }
    }

    @Test
    void anOversizedLengthPrefixEndsTheConnectionAndNothingElse() {
        var pair = UnixSocket.pair(SocketType.STREAM, true);
        try (var port = StreamPort.on(pair.first().descriptor(), 1500, loop); var peer = pair.second();
                var arena = Arena.ofConfined()) {
            var arrived = Collector.on(port);
            var changes = new int[1];
            port.onChange(() -> changes[0]++);
            byte[] good = frame(60);
            MemorySegment bytes = arena.allocate(200);
            Wire.put32(bytes, 0, 60);
            MemorySegment.copy(MemorySegment.ofArray(good), 0, bytes, 4, 60);
            Wire.put32(bytes, 64, 0xFFFF_FFFF);
            assertThat(peer.send(bytes, 0, 200)).isEqualTo(200);
            until(() -> !port.isUp());
            assertThat(arrived.frames()).hasSize(1);
            assertThat(arrived.frames().getFirst()).isEqualTo(good);
            assertThat(changes[0]).isEqualTo(1);
            assertThat(port.counters().malformed()).isEqualTo(1);
            assertThat(Frames.send(port, good)).isZero();
        }
    }

    @Test
    void aLengthShorterThanAnEthernetHeaderIsNoFrame() {
        var pair = UnixSocket.pair(SocketType.STREAM, true);
        try (var port = StreamPort.on(pair.first().descriptor(), 1500, loop); var peer = pair.second();
                var arena = Arena.ofConfined()) {
            var arrived = Collector.on(port);
            MemorySegment bytes = arena.allocate(4 + 5 + 4 + 14);
            Wire.put32(bytes, 0, 5);
            Wire.put32(bytes, 9, 14);
            peer.send(bytes, 0, bytes.byteSize());
            until(() -> arrived.frames().size() == 1);
            assertThat(arrived.frames().getFirst()).hasSize(14);
            assertThat(port.counters().malformed()).isEqualTo(1);
        }
    }

    @Test
    void bytesThatTrickleInMakeFrames() {
        var pair = UnixSocket.pair(SocketType.STREAM, true);
        try (var port = StreamPort.on(pair.first().descriptor(), 1500, loop); var peer = pair.second();
                var arena = Arena.ofConfined()) {
            var arrived = Collector.on(port);
            byte[] good = frame(60);
            MemorySegment bytes = arena.allocate(64);
            Wire.put32(bytes, 0, 60);
            MemorySegment.copy(MemorySegment.ofArray(good), 0, bytes, 4, 60);
            for (int i = 0; i < 64; i++) {
                assertThat(arrived.frames()).isEmpty();
                peer.send(bytes, i, 1);
                loop.poll(0);
            }
            until(() -> arrived.frames().size() == 1);
            assertThat(arrived.frames().getFirst()).isEqualTo(good);
        }
    }

    @Test
    void aListenerMakesAPortOfEveryConnection(@TempDir Path folder) {
        var address = UnixAddress.of(folder.resolve("switch"));
        var ports = new ArrayList<StreamPort>();
        try (var listener = new StreamPortListener(address, 1500, loop, ports::add);
                var first = StreamPort.connect(address, 1500, loop);
                var second = StreamPort.connect(address, 1500, loop)) {
            until(() -> ports.size() == 2);
            var arrived = Collector.on(ports.get(1));
            Frames.send(second, frame(77));
            until(() -> arrived.frames().size() == 1);
            first.close();
            until(() -> !ports.get(0).isUp());
            assertThat(ports.get(1).isUp()).isTrue();
            ports.forEach(StreamPort::close);
        }
        assertThat(Files.exists(folder.resolve("switch"))).isFalse();
    }

    @Test
    void everyDatagramIsAFrame(@TempDir Path folder) {
        var pathA = UnixAddress.of(folder.resolve("a"));
        var pathB = UnixAddress.of(folder.resolve("b"));
        try (var there = UnixSocket.datagram(pathB, true);
                var a = DatagramPort.connect(pathA, pathB, 1500, loop)) {
            there.connectTo(pathA);
            try (var b = DatagramPort.on(there.descriptor(), 1500, loop)) {
                var arrived = Collector.on(b);
                assertThat(Frames.send(a, frame(14), frame(60), frame(1514))).isEqualTo(3);
                until(() -> arrived.frames().size() == 3);
                assertThat(arrived.frames().get(2)).isEqualTo(frame(1514));
                var told = new boolean[1];
                a.onChange(() -> told[0] = true);
                int sent = 3;
                while (Frames.send(a, frame(100)) == 1) {
                    sent++;
                    assertThat(sent).isLessThan(100_000);
                }
                int expected = sent;
                until(() -> arrived.frames().size() == expected && told[0]);
            }
        }
        assertThat(Files.exists(folder.resolve("a"))).isFalse();
    }

    @Test
    void aDatagramThatIsTooLongOrTooShortIsDropped() {
        var pair = UnixSocket.pair(SocketType.DATAGRAM, true);
        try (var port = DatagramPort.on(pair.first().descriptor(), 1500, loop); var peer = pair.second();
                var arena = Arena.ofConfined()) {
            var arrived = Collector.on(port);
            MemorySegment bytes = arena.allocate(4000);
            peer.send(bytes, 0, 4000);
            peer.send(bytes, 0, 13);
            peer.send(bytes, 0, 14);
            until(() -> arrived.frames().size() == 1);
            assertThat(port.counters().malformed()).isEqualTo(2);
        }
    }
}
