package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.Frames;
import dev.vz.net.IpPrefix;
import dev.vz.net.packet.ArpPacket;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.Wire;
import dev.vz.testing.Allocations;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A frame on its way through the gateway and back leaves no garbage: the test's thread is the gateway's. */
@Tag("allocation")
@Timeout(120)
@SuppressWarnings("NullAway.Init")
class GatewayAllocationTest {

    private static final int GUEST_PORT = 5000;
    private static final int LOOPBACK = HostileGuestTest.LOOPBACK;

    private EpollLoop loop;
    private LinkPair wire;
    private Gateway gateway;
    private int arrived;
    private int sequence = 100;
    private int acknowledgment;
    private int acknowledged;

    @BeforeEach
    void connect() {
        loop = new EpollLoop("gateway without garbage");
        wire = new LinkPair("wire", LinkFeatures.none());
        gateway = new Gateway(loop, wire.b(), GatewayConfiguration.standard()
                .withExceptions(List.of(IpPrefix.parse("127.0.0.1/32"))));
        loop.poll(0);
    }

    @AfterEach
    void disconnect() {
        assertThat(gateway.statistics().failures()).isZero();
        gateway.close();
        wire.close();
        loop.close();
    }

    /** So that the gateway knows where the guest is. */
    private void introduce() {
        byte[] body = new byte[ArpPacket.SIZE];
        ArpPacket.set(MemorySegment.ofArray(body), 0, ArpPacket.REQUEST, HostileGuestTest.MAC, HostileGuestTest.OWN, 0,
                HostileGuestTest.ROUTER);
        Frames.send(wire.a(), Frames.ethernet(0xFFFF_FFFF_FFFFL, HostileGuestTest.MAC, EthernetHeader.ARP, body));
    }

    private int countDatagrams(FrameBatch batch) {
        arrived += batch.count();
        return batch.count();
    }

    @Test
    void datagramsToTheHostAndBackAllocateNothing() throws Exception {
        try (var echo = DatagramChannel.open()) {
            echo.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
            int port = ((InetSocketAddress) echo.getLocalAddress()).getPort();
            Thread.ofPlatform().daemon().start(() -> echo(echo));
            introduce();
            wire.a().receive(this::countDatagrams);
            var frames = new byte[8][];
            for (int i = 0; i < frames.length; i++) {
                frames[i] = Frames.udp(HostileGuestTest.GATEWAY, HostileGuestTest.MAC, HostileGuestTest.OWN, LOOPBACK,
                        GUEST_PORT, port, new byte[200]);
            }
            FrameBatch batch = Frames.batch(frames);
            double bytes = Allocations.perCall(4000, () -> {
                int before = arrived;
                wire.a().send(batch);
                for (int i = 0; i < 1000 && arrived - before < frames.length; i++) {
                    loop.poll(1);
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

    private int takeSegments(FrameBatch batch) {
        for (int i = 0; i < batch.count(); i++) {
            MemorySegment frame = batch.segment(i);
            long tcp = batch.frameOffset(i) + 34;
            if (batch.frameLength(i) < 54 || Wire.u8(frame, tcp - 11) != IpProtocol.TCP) {
                continue;
            }
            int flags = TcpHeader.flags(frame, tcp);
            int length = Wire.u16(frame, tcp - 18) - 20 - TcpHeader.headerLength(frame, tcp);
            if ((flags & TcpHeader.SYN) != 0) {
                acknowledgment = TcpHeader.sequence(frame, tcp) + 1;
            } else if (length > 0 && TcpHeader.sequence(frame, tcp) == acknowledgment) {
                acknowledgment += length;
                arrived += length;
            }
            if ((flags & TcpHeader.ACK) != 0) {
                acknowledged = TcpHeader.acknowledgment(frame, tcp);
            }
        }
        return batch.count();
    }

    @Test
    void streamsToTheHostAndBackAllocateNothing() throws Exception {
        try (var listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0));
            int port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
            introduce();
            wire.a().receive(this::takeSegments);
            Frames.send(wire.a(), HostileGuestTest.tcp(HostileGuestTest.MAC, HostileGuestTest.OWN, LOOPBACK,
                    GUEST_PORT, port, sequence, 0, TcpHeader.SYN));
            for (int i = 0; i < 1000 && acknowledged != sequence + 1; i++) {
                loop.poll(1);
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
                wire.a().send(batch);
                sequence += size;
                for (int i = 0; i < 1000 && (arrived - before < size || acknowledged != sequence); i++) {
                    loop.poll(1);
                }
                number(answer, 0);
                wire.a().send(answer);
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
