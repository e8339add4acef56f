package dev.vz.net.gateway;

import static dev.vz.net.gateway.HostileGuestTest.GATEWAY;
import static dev.vz.net.gateway.HostileGuestTest.LOOPBACK;
import static dev.vz.net.gateway.HostileGuestTest.MAC;
import static dev.vz.net.gateway.HostileGuestTest.OWN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.IpPrefix;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.Wire;
import dev.vz.net.time.ManualClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A connection, segment by segment: the guest is this test, and time is its own. */
@Timeout(120)
@SuppressWarnings("NullAway.Init")
class ConnectionStepsTest {

    private static final int GUEST_PORT = 5000;
    private static final long TCP = 34;
    private static final int SYN_ACK = TcpHeader.SYN | TcpHeader.ACK;
    private static final int FIN_ACK = TcpHeader.FIN | TcpHeader.ACK;

    private final ManualClock clock = new ManualClock();
    private final Deque<MemorySegment> arrived = new ArrayDeque<>();
    private EpollLoop loop;
    private LinkPair wire;
    private Collector collector;
    private Gateway gateway;
    private ServerSocketChannel listener;
    private int port;

    @BeforeEach
    void connect() throws Exception {
        loop = new EpollLoop("gateway of one's own time");
        wire = new LinkPair("wire", LinkFeatures.none());
        gateway = new Gateway(loop, wire.b(),
                GatewayConfiguration.standard().withExceptions(List.of(IpPrefix.parse("127.0.0.1/32"))), clock);
        collector = Collector.on(wire.a());
        listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
        port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
        loop.poll(0);
    }

    @AfterEach
    void disconnect() throws Exception {
        loop.start();
        assertThat(gateway.statistics().failures()).isZero();
        gateway.close();
        wire.close();
        loop.close();
        listener.close();
    }

    private void send(int sequence, int acknowledgment, int flags, byte... payload) {
        send(HostileGuestTest.tcp(MAC, OWN, LOOPBACK, GUEST_PORT, port, sequence, acknowledgment, flags, payload));
    }

    private void send(byte[] frame) {
        assertThat(Frames.send(wire.a(), frame)).isOne();
        loop.poll(0);
    }

    /** A SYN with an option. */
    private void synchronize(int sequence, int option) {
        byte[] options = ByteBuffer.allocate(4).putInt(option).array();
        byte[] segment = ByteBuffer.allocate(24).putShort((short) GUEST_PORT).putShort((short) port).putInt(sequence)
                .putInt(0).putShort((short) (6 << 12 | TcpHeader.SYN)).putShort((short) 65_000).putInt(0).put(options)
                .array();
        byte[] frame = Frames.ipv4(GATEWAY, MAC, IpProtocol.TCP, OWN, LOOPBACK, segment);
        long sum = Checksum.pseudo4(OWN, LOOPBACK, IpProtocol.TCP, segment.length);
        Wire.put16(MemorySegment.ofArray(frame), TCP + TcpHeader.CHECKSUM,
                Checksum.finish(Checksum.add(sum, MemorySegment.ofArray(frame), TCP, segment.length)));
        send(frame);
    }

    /** The next segment of the gateway. */
    private MemorySegment next() {
        until(() -> {
            collect();
            return !arrived.isEmpty();
        });
        return arrived.remove();
    }

    private void collect() {
        for (byte[] frame : collector.take()) {
            if (frame.length >= TCP + TcpHeader.SIZE && frame[23] == IpProtocol.TCP) {
                assertThat(Frames.isTransportSumRight(frame)).isTrue();
                arrived.add(MemorySegment.ofArray(frame));
            }
        }
    }

    private void until(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime() - end).as("nanoseconds past the wait").isNegative();
            loop.poll(1);
        }
    }

    /** Opens a connection whose SYN has number 100 and carries an option; the gateway's SYN. */
    private MemorySegment open(int option) {
        synchronize(100, option);
        MemorySegment syn = next();
        assertThat(TcpHeader.flags(syn, TCP)).isEqualTo(SYN_ACK);
        assertThat(TcpHeader.acknowledgment(syn, TCP)).isEqualTo(101);
        send(101, TcpHeader.sequence(syn, TCP) + 1, TcpHeader.ACK);
        return syn;
    }

    @Test
    void aGuestThatReadsSelectiveAcknowledgmentsHearsWhatIsHereAlready() throws Exception {
        MemorySegment syn = open(0x0101_0402);
        assertThat(Wire.i32(syn, TCP + 28)).isEqualTo(0x0101_0402);
        int ours = TcpHeader.sequence(syn, TCP) + 1;
        try (SocketChannel peer = listener.accept()) {
            send(201, ours, TcpHeader.ACK, new byte[50]);
            MemorySegment first = next();
            assertThat(TcpHeader.acknowledgment(first, TCP)).isEqualTo(101);
            assertThat(TcpHeader.headerLength(first, TCP)).isEqualTo(32);
            assertThat(Wire.i32(first, TCP + 20)).isEqualTo(0x0101_050A);
            assertThat(List.of(Wire.i32(first, TCP + 24), Wire.i32(first, TCP + 28))).containsExactly(201, 251);
            send(401, ours, TcpHeader.ACK, new byte[50]);
            MemorySegment second = next();
            assertThat(TcpHeader.headerLength(second, TCP)).isEqualTo(40);
            assertThat(List.of(Wire.i32(second, TCP + 24), Wire.i32(second, TCP + 28), Wire.i32(second, TCP + 32),
                    Wire.i32(second, TCP + 36))).containsExactly(401, 451, 201, 251);
            send(101, ours, TcpHeader.ACK, new byte[300]);
            MemorySegment whole = next();
            assertThat(TcpHeader.acknowledgment(whole, TCP)).isEqualTo(451);
            assertThat(TcpHeader.headerLength(whole, TCP)).isEqualTo(TcpHeader.SIZE);
            var received = ByteBuffer.allocate(350);
            while (received.hasRemaining()) {
                assertThat(peer.read(received)).isPositive();
            }
        }
    }

    @Test
    void aGuestThatDoesNotHearsOfTheLossOnly() {
        MemorySegment syn = open(0x0101_0101);
        assertThat(Wire.i32(syn, TCP + 28)).isZero();
        send(201, TcpHeader.sequence(syn, TCP) + 1, TcpHeader.ACK, new byte[50]);
        MemorySegment duplicate = next();
        assertThat(TcpHeader.acknowledgment(duplicate, TCP)).isEqualTo(101);
        assertThat(TcpHeader.headerLength(duplicate, TCP)).isEqualTo(TcpHeader.SIZE);
    }

    /** A connection that the host closes before the guest has acknowledged it; the gateway's SYN and FIN. */
    private List<MemorySegment> closedAtOnce() throws Exception {
        send(100, 0, TcpHeader.SYN);
        listener.accept().close();
        var both = List.of(next(), next());
        assertThat(TcpHeader.flags(both.getFirst(), TCP)).isEqualTo(SYN_ACK);
        assertThat(TcpHeader.flags(both.getLast(), TCP)).isEqualTo(FIN_ACK);
        return both;
    }

    @Test
    void anEndThatComesAtOnceFollowsTheBeginning() throws Exception {
        List<MemorySegment> both = closedAtOnce();
        int ours = TcpHeader.sequence(both.getFirst(), TCP) + 1;
        assertThat(TcpHeader.sequence(both.getLast(), TCP)).isEqualTo(ours);
        send(101, ours + 1, FIN_ACK);
        MemorySegment last = next();
        assertThat(TcpHeader.flags(last, TCP)).isEqualTo(TcpHeader.ACK);
        assertThat(TcpHeader.acknowledgment(last, TCP)).isEqualTo(102);
    }

    @Test
    void anEndThatWasLostIsSentAgain() throws Exception {
        int ours = TcpHeader.sequence(closedAtOnce().getFirst(), TCP) + 1;
        send(101, ours, TcpHeader.ACK);
        clock.advance(TimeUnit.SECONDS.toNanos(2));
        loop.execute(gateway::tick);
        MemorySegment again = next();
        assertThat(TcpHeader.flags(again, TCP)).isEqualTo(FIN_ACK);
        assertThat(TcpHeader.sequence(again, TCP)).isEqualTo(ours);
        send(101, ours + 1, FIN_ACK);
        assertThat(TcpHeader.acknowledgment(next(), TCP)).isEqualTo(102);
    }

    @Test
    void whenBothWereLostTheBeginningComesFirst() throws Exception {
        int ours = TcpHeader.sequence(closedAtOnce().getFirst(), TCP) + 1;
        clock.advance(TimeUnit.SECONDS.toNanos(2));
        loop.execute(gateway::tick);
        MemorySegment again = next();
        assertThat(TcpHeader.flags(again, TCP)).isEqualTo(SYN_ACK);
        assertThat(TcpHeader.sequence(again, TCP)).isEqualTo(ours - 1);
        send(101, ours, TcpHeader.ACK);
        clock.advance(TimeUnit.SECONDS.toNanos(3));
        loop.execute(gateway::tick);
        assertThat(TcpHeader.flags(next(), TCP)).isEqualTo(FIN_ACK);
    }

    @Test
    void theHostHearsOfTheEndAfterItsOwn() throws Exception {
        int ours = TcpHeader.sequence(open(0x0101_0101), TCP) + 1;
        try (SocketChannel peer = listener.accept()) {
            peer.shutdownOutput();
            MemorySegment end = next();
            assertThat(TcpHeader.flags(end, TCP)).isEqualTo(FIN_ACK);
            send(101, ours + 1, FIN_ACK);
            assertThat(TcpHeader.acknowledgment(next(), TCP)).isEqualTo(102);
            peer.configureBlocking(false);
            until(() -> hasEnded(peer));
        }
    }

    private static boolean hasEnded(SocketChannel peer) {
        try {
            return peer.read(ByteBuffer.allocate(1)) < 0;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
