package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.net.Frames;
import dev.vz.net.IpPrefix;
import dev.vz.net.packet.ArpPacket;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.Wire;
import dev.vz.net.port.DatagramPort;
import dev.vz.testing.Allocations;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A frame on its way through the gateway and back leaves no garbage: the test's thread is the gateway's. */
@Tag("allocation")
@Timeout(240)
@SuppressWarnings("NullAway.Init")
class GatewayAllocationTest {

    private static final int GUEST_PORT = 5000;
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);
    private static final int LOOPBACK = HostileGuestTest.LOOPBACK;

    private EpollLoop loop;
    private UnixSocket guest;
    private final MemorySegment buffer = Arena.ofAuto().allocate(2048, 8);
    private Gateway gateway;
    private int arrived;
    private int sequence = 100;
    private int acknowledgment;
    private int acknowledged;

    @BeforeEach
    void connect() {
        loop = new EpollLoop("gateway without garbage");
        var pair = UnixSocket.pair(SocketType.DATAGRAM, true);
        guest = pair.second();
        gateway = new Gateway(loop, DatagramPort.on(pair.first().descriptor(), 1500, loop),
                GatewayConfiguration.standard()
                        .withExceptions(List.of(IpPrefix.parse("127.0.0.1/32"))));
        loop.poll(0);
    }

    @AfterEach
    void disconnect() {
        loop.start();
        assertThat(gateway.statistics().failures()).isZero();
        gateway.close();
        loop.close();
        guest.close();
    }

    /** So that the gateway knows where the guest is. */
    private void introduce() {
        byte[] body = new byte[ArpPacket.SIZE];
        ArpPacket.set(MemorySegment.ofArray(body), 0, ArpPacket.REQUEST, HostileGuestTest.MAC, HostileGuestTest.OWN, 0,
                HostileGuestTest.ROUTER);
        send(Frames.batch(Frames.ethernet(0xFFFF_FFFF_FFFFL, HostileGuestTest.MAC, EthernetHeader.ARP, body)));
        take();
        arrived = 0;
    }

    private void send(FrameBatch batch) {
        for (int i = 0; i < batch.count(); i++) {
            FileIo.write(guest.descriptor(), batch.segment(i), batch.frameOffset(i), batch.frameLength(i));
        }
    }

    /** Lets the gateway work, and looks at all that it has sent since. */
    private void take() {
        loop.poll(1);
        for (long length = receive(); length > 0; length = receive()) {
            arrived(length);
        }
    }

    private long receive() {
        return FileIo.read(guest.descriptor(), buffer, 0, buffer.byteSize());
    }

    @Test
    void datagramsToTheHostAndBackAllocateNothing() throws Exception {
        try (var echo = DatagramChannel.open()) {
            echo.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
            int port = ((InetSocketAddress) echo.getLocalAddress()).getPort();
            Thread.ofPlatform().daemon().start(() -> echo(echo));
            introduce();
            var frames = new byte[8][];
            for (int i = 0; i < frames.length; i++) {
                frames[i] = Frames.udp(HostileGuestTest.GATEWAY, HostileGuestTest.MAC, HostileGuestTest.OWN, LOOPBACK,
                        GUEST_PORT, port, new byte[200]);
            }
            FrameBatch batch = Frames.batch(frames);
            double bytes = Allocations.perCall(4000, () -> {
                int before = arrived;
                send(batch);
                for (long end = System.nanoTime() + PATIENCE; arrived - before < frames.length
                        && System.nanoTime() < end;) {
                    take();
                }
            });
            assertThat(arrived).isGreaterThan(10_000);
            assertThat(bytes).isZero();
        }
    }

    private static void echo(DatagramChannel channel) {
        var buffer = ByteBuffer.allocateDirect(2048);
        try {
            while (true) {
                var from = channel.receive(buffer.clear());
                channel.send(buffer.flip(), from);
            }
        } catch (java.nio.channels.ClosedChannelException end) {
            assertThat(channel.isOpen()).isFalse();
        } catch (java.io.IOException failure) {
            throw new java.io.UncheckedIOException(failure);
        }
    }

    private void arrived(long length) {
        int protocol = length < 42 ? 0 : Wire.u8(buffer, 23);
        if (protocol == IpProtocol.UDP) {
            arrived++;
        }
        if (protocol != IpProtocol.TCP) {
            return;
        }
        long tcp = 34;
        int flags = TcpHeader.flags(buffer, tcp);
        int payload = Wire.u16(buffer, 16) - 20 - TcpHeader.headerLength(buffer, tcp);
        if ((flags & TcpHeader.SYN) != 0) {
            acknowledgment = TcpHeader.sequence(buffer, tcp) + 1;
        } else if (payload > 0 && TcpHeader.sequence(buffer, tcp) == acknowledgment) {
            acknowledgment += payload;
            arrived += payload;
        }
        if ((flags & TcpHeader.ACK) != 0) {
            acknowledged = TcpHeader.acknowledgment(buffer, tcp);
        }
    }

    @Test
    void streamsToTheHostAndBackAllocateNothing() throws Exception {
        try (var listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
            int port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
            introduce();
            send(Frames.batch(HostileGuestTest.tcp(HostileGuestTest.MAC, HostileGuestTest.OWN, LOOPBACK, GUEST_PORT,
                    port, sequence, 0, TcpHeader.SYN)));
            arrived = 0;
            for (long end = System.nanoTime() + PATIENCE; acknowledged != sequence + 1 && System.nanoTime() < end;) {
                take();
            }
            sequence++;
            assertThat(acknowledged).isEqualTo(sequence);
            SocketChannel peer = listener.accept();
            Thread.ofPlatform().daemon().start(() -> echo(peer));
            int size = 1000;
            FrameBatch batch = Frames.batch(HostileGuestTest.tcp(HostileGuestTest.MAC, HostileGuestTest.OWN, LOOPBACK,
                    GUEST_PORT, port, sequence, acknowledgment, TcpHeader.ACK, new byte[size]));
            FrameBatch answer = Frames.batch(HostileGuestTest.tcp(HostileGuestTest.MAC, HostileGuestTest.OWN, LOOPBACK,
                    GUEST_PORT, port, sequence, acknowledgment, TcpHeader.ACK));
            double bytes = Allocations.perCall(4000, () -> {
                int before = arrived;
                number(batch, size);
                send(batch);
                sequence += size;
                for (long end = System.nanoTime() + PATIENCE; (arrived - before < size || acknowledged != sequence)
                        && System.nanoTime() < end;) {
                    take();
                }
                number(answer, 0);
                send(answer);
            });
            assertThat(acknowledged).isEqualTo(sequence);
            assertThat(arrived).isEqualTo(sequence - 101).isGreaterThan(4_000_000);
            assertThat(bytes).isZero();
            peer.close();
        }
    }

    /** Gives a segment the numbers of now. */
    private void number(FrameBatch batch, int payload) {
        MemorySegment frame = batch.segment(0);
        long tcp = batch.frameOffset(0) + 34;
        Wire.put32(frame, tcp + 4, sequence);
        Wire.put32(frame, tcp + 8, acknowledgment);
        Wire.put16(frame, tcp + TcpHeader.CHECKSUM, 0);
        long sum = Checksum.pseudo4(HostileGuestTest.OWN, LOOPBACK, IpProtocol.TCP, 20 + payload);
        Wire.put16(frame, tcp + TcpHeader.CHECKSUM, Checksum.finish(Checksum.add(sum, frame, tcp, 20 + payload)));
    }

    private static void echo(SocketChannel channel) {
        var buffer = ByteBuffer.allocateDirect(1 << 16);
        try {
            while (channel.read(buffer.clear()) >= 0) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        } catch (java.nio.channels.ClosedChannelException end) {
            assertThat(channel.isOpen()).isFalse();
        } catch (java.io.IOException failure) {
            throw new java.io.UncheckedIOException(failure);
        }
    }
}
