package dev.vz.virtio.vsock;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.virtio.queue.QueueKind;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Unix sockets of the host and streams of the guest. */
@Timeout(120)
class UnixBridgeTest {

    @TempDir
    Path folder;

    private static void say(SocketChannel socket, String text) throws IOException {
        socket.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
    }

    private static String hear(SocketChannel socket, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining() && socket.read(buffer) >= 0) {
            assertThat(buffer.position()).isPositive();
        }
        return new String(buffer.array(), 0, buffer.position(), StandardCharsets.US_ASCII);
    }

    @Test
    void aProgramOfTheHostConnectsToAPortOfTheGuest() throws Exception {
        Path path = folder.resolve("v.sock");
        try (var guest = new GuestSockets(QueueKind.SPLIT.features); var bridge = new UnixBridge(guest.device, path);
                var socket = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            say(socket, "CONNECT 52\nat once");
            GuestSockets.Seen request = guest.next();
            assertThat(request.guestPort()).isEqualTo(52);
            guest.packet(52, request.hostPort(), Packet.OP_RESPONSE, 0, 1 << 20, 0);
            GuestSockets.Seen seen = guest.next();
            String ok = "OK " + request.hostPort() + "\n";
            assertThat(hear(socket, ok.length())).isEqualTo(ok);
            assertThat(seen.data()).asString().isEqualTo("at once");
            guest.packet(52, request.hostPort(), Packet.OP_RW, 0, 1 << 20, 0, new byte[] {'!'});
            assertThat(hear(socket, 1)).isEqualTo("!");
            bridge.close();
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void aCommandThatIsNoneIsHungUpOn() throws Exception {
        Path path = folder.resolve("v.sock");
        try (var guest = new GuestSockets(QueueKind.SPLIT.features); var bridge = new UnixBridge(guest.device, path)) {
            for (String command : new String[] {"HELLO\n", "CONNECT\n", "CONNECT 99999999999\n", "x".repeat(100),
                "CONNECT 9999999999\n", "CONNECT -1\n"}) {
                try (var socket = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
                    say(socket, command);
                    assertThat(hear(socket, 1)).as(command).isEmpty();
                } catch (IOException reset) {
                    assertThat(reset).hasMessageContaining("reset");
                }
            }
            assertThat(guest.isQuiet()).isTrue();
            bridge.close();
        }
    }

    @Test
    void aGuestConnectsToASocketOfTheHost() throws Exception {
        Path path = folder.resolve("v.sock");
        try (var guest = new GuestSockets(QueueKind.SPLIT.features);
                var bridge = new UnixBridge(guest.device, path).forward(1024);
                var listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                        .bind(UnixDomainSocketAddress.of(folder.resolve("v.sock_1024")))) {
            guest.packet(9, 1024, Packet.OP_REQUEST, 0, 1 << 20, 0);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RESPONSE);
            try (SocketChannel socket = listener.accept()) {
                guest.packet(9, 1024, Packet.OP_RW, 0, 1 << 20, 0, new byte[] {'h', 'i'});
                assertThat(hear(socket, 2)).isEqualTo("hi");
                say(socket, "yes?");
                assertThat(guest.next().data()).asString().isEqualTo("yes?");
            }
            assertThat(guest.next().op()).as("the program has ended").isEqualTo(Packet.OP_SHUTDOWN);
            bridge.close();
        }
    }

    @Test
    void aGuestIsHungUpOnWhereNobodyOfTheHostListens() throws Exception {
        try (var guest = new GuestSockets(QueueKind.SPLIT.features);
                var bridge = new UnixBridge(guest.device, folder.resolve("v.sock")).forward(7)) {
            guest.packet(9, 7, Packet.OP_REQUEST, 0, 1 << 20, 0);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_RESPONSE);
            assertThat(guest.next().op()).isEqualTo(Packet.OP_SHUTDOWN);
            bridge.close();
        }
    }
}
