package dev.vz.linux.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.OpenDescriptors;
import dev.vz.testing.Allocations;
import dev.vz.testing.Background;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketTest {

    @Test
    void aStreamCarriesBytesUntilItIsShutDown() {
        try (var pair = UnixSocket.pair(SocketType.STREAM, true); var arena = Arena.ofConfined()) {
            var buffer = arena.allocateFrom("hello");
            assertThat(pair.first().receive(buffer, 0, 5)).isEqualTo(-Errno.EAGAIN);
            assertThat(pair.second().send(buffer, 0, 5)).isEqualTo(5);
            var back = arena.allocate(16);
            assertThat(pair.first().receive(back, 0, 2)).isEqualTo(2);
            assertThat(pair.first().receive(back, 2, 14)).isEqualTo(3);
            assertThat(back.getString(0)).isEqualTo("hello");
            pair.second().shutdown(UnixSocket.Half.WRITE);
            assertThat(pair.first().receive(back, 0, 16)).isZero();
            assertThat(pair.first().send(buffer, 0, 5)).isEqualTo(5);
            pair.second().close();
            assertThat(pair.first().send(buffer, 0, 5)).isEqualTo(-Errno.EPIPE);
        }
    }

    @Test
    void messagesKeepTheirBoundaries() {
        for (var type : new SocketType[] {SocketType.DATAGRAM, SocketType.SEQUENCED_PACKET}) {
            try (var pair = UnixSocket.pair(type, true); var arena = Arena.ofConfined()) {
                var buffer = arena.allocate(64);
                pair.first().send(buffer, 0, 10);
                pair.first().send(buffer, 0, 0);
                pair.first().send(buffer, 0, 20);
                assertThat(pair.second().receive(buffer, 0, 64)).isEqualTo(10);
                assertThat(pair.second().receive(buffer, 0, 64)).isZero();
                assertThat(pair.second().receive(buffer, 0, 64)).isEqualTo(20);
                assertThat(pair.second().receive(buffer, 0, 64)).isEqualTo(-Errno.EAGAIN);
            }
        }
    }

    @Test
    void connectsThroughAFileAndThroughAnAbstractName(@TempDir Path folder) {
        Path file = folder.resolve("socket");
        for (var address : new UnixAddress[] {UnixAddress.of(file),
            UnixAddress.inAbstract("vz-test-" + ProcessHandle.current().pid())}) {
            for (var type : new SocketType[] {SocketType.STREAM, SocketType.SEQUENCED_PACKET}) {
                try (var listener = UnixListener.listen(address, type, 4, true); var arena = Arena.ofConfined()) {
                    assertThat(listener.address()).isEqualTo(address);
                    assertThat(listener.accept(true)).isNull();
                    try (var client = UnixSocket.connect(address, type, true);
                            var server = listener.accept(false)) {
                        assertThat(server).isNotNull();
                        var buffer = arena.allocateFrom("ping");
                        assertThat(client.send(buffer, 0, 4)).isEqualTo(4);
                        buffer.fill((byte) 0);
                        assertThat(server.receive(buffer, 0, 4)).isEqualTo(4);
                        assertThat(buffer.getString(0)).isEqualTo("ping");
                        assertThat(client.receive(buffer, 0, 4)).isEqualTo(-Errno.EAGAIN);
                        var peer = server.peer();
                        assertThat(peer.process()).isEqualTo((int) ProcessHandle.current().pid());
                        assertThat(server.takeError()).isZero();
                    }
                }
                assertThat(Files.exists(file)).isFalse();
            }
        }
    }

    @Test
    void aBlockingListenerWaits(@TempDir Path folder) throws Exception {
        var address = UnixAddress.of(folder.resolve("s"));
        try (var listener = UnixListener.listen(address, SocketType.STREAM, 1, false)) {
            var accepted = Background.call(() -> listener.accept(false));
            assertThat(accepted).isNotDone();
            try (var client = UnixSocket.connect(address, SocketType.STREAM, false);
                    var server = accepted.get(60, TimeUnit.SECONDS)) {
                assertThat(server.descriptor().value()).isNotEqualTo(client.descriptor().value());
            }
        }
    }

    @Test
    void aListenerThatRefusesWakesWhoeverWaitsAndLetsNobodyIn(@TempDir Path folder) {
        var address = UnixAddress.of(folder.resolve("r"));
        try (var listener = UnixListener.listen(address, SocketType.STREAM, 1, false)) {
            var accepted = Background.call(() -> listener.accept(false));
            listener.refuse();
            assertThatThrownBy(() -> accepted.get(60, TimeUnit.SECONDS)).hasMessageContaining("accept");
            assertThatThrownBy(() -> UnixSocket.connect(address, SocketType.STREAM, true))
                    .hasMessageContaining("ECONNREFUSED");
            listener.refuse();
        }
    }

    @Test
    void datagramsArriveAtTheirAddress(@TempDir Path folder) {
        var address = UnixAddress.of(folder.resolve("d"));
        try (var receiver = UnixSocket.datagram(address, true);
                var sender = UnixSocket.connect(address, SocketType.DATAGRAM, true);
                var arena = Arena.ofConfined()) {
            var buffer = arena.allocate(8);
            assertThat(sender.send(buffer, 0, 8)).isEqualTo(8);
            assertThat(receiver.receive(buffer, 0, 8)).isEqualTo(8);
        }
    }

    @Test
    void refusalsSayWhatIsInTheWay(@TempDir Path folder) {
        var address = UnixAddress.of(folder.resolve("taken"));
        assertThatThrownBy(() -> UnixSocket.connect(address, SocketType.STREAM, true))
                .isInstanceOf(HostException.class).hasMessageContaining("ENOENT")
                .hasMessageContaining(address.name());
        try (var listener = UnixListener.listen(address, SocketType.STREAM, 1, true)) {
            assertThat(listener.descriptor().isOpen()).isTrue();
            assertThatThrownBy(() -> UnixListener.listen(address, SocketType.STREAM, 1, true))
                    .isInstanceOf(HostException.class).hasMessageContaining("EADDRINUSE")
                    .hasMessageContaining("remove " + address);
            assertThatThrownBy(() -> UnixSocket.connect(address, SocketType.SEQUENCED_PACKET, true))
                    .hasMessageContaining("EPROTOTYPE");
        }
        assertThatThrownBy(() -> UnixAddress.inAbstract("x".repeat(108))).isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("108");
        assertThatThrownBy(() -> UnixAddress.of(Path.of(""))).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> new UnixAddress("a\0b", false)).isInstanceOf(ConfigurationException.class);
        assertThat(UnixAddress.inAbstract("x".repeat(107)).toString()).startsWith("@x");
    }

    @Test
    void theSendBufferCanBeChanged() {
        try (var pair = UnixSocket.pair(SocketType.DATAGRAM, true)) {
            int before = pair.first().sendBuffer();
            pair.first().setSendBuffer(8192);
            assertThat(pair.first().sendBuffer()).isEqualTo(16384).isNotEqualTo(before);
        }
    }

    @Test
    void waitingCanBeSwitched() {
        try (var pair = UnixSocket.pair(SocketType.STREAM, false); var arena = Arena.ofConfined()) {
            pair.first().setNonBlocking(true);
            assertThat(pair.first().receive(arena.allocate(1), 0, 1)).isEqualTo(-Errno.EAGAIN);
            pair.first().setNonBlocking(false);
            pair.second().close();
            assertThat(pair.first().receive(arena.allocate(1), 0, 1)).isZero();
        }
    }

    @Test
    @Tag("allocation")
    void sendingAndReceivingAllocateNothing() {
        try (var pair = UnixSocket.pair(SocketType.STREAM, true); var arena = Arena.ofConfined()) {
            var buffer = arena.allocate(64);
            assertThat(Allocations.perCall(20_000, () -> {
                if (pair.first().send(buffer, 0, 64) != 64 || pair.second().receive(buffer, 0, 64) != 64) {
                    throw new AssertionError("64 bytes were sent");
                }
            })).isZero();
        }
    }

    @Test
    void leavesNothingOpen(@TempDir Path folder) throws Exception {
        var address = UnixAddress.of(folder.resolve("cycle"));
        OpenDescriptors.expectNoneLeftBy(() -> {
            try (var listener = UnixListener.listen(address, SocketType.STREAM, 1, true);
                    var client = UnixSocket.connect(address, SocketType.STREAM, true);
                    var server = listener.accept(true)) {
                assertThat(server).isNotNull();
                assertThat(client.descriptor().isOpen()).isTrue();
                assertThatThrownBy(() -> UnixListener.listen(address, SocketType.STREAM, 1, true));
            }
            assertThatThrownBy(() -> UnixSocket.connect(address, SocketType.STREAM, true));
        });
    }
}
