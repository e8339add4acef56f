package dev.vz.linux.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.file.FileIo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Objects;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** tcp(7) and ip(7): streams over IPv4 and IPv6, and their names. */
@Timeout(120)
class InternetSocketTest {

    private static SocketName loopback(int port) {
        return SocketName.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void bytesGoBothWays(String host) throws Exception {
        var any = new InetSocketAddress(InetAddress.getByName(host), 0);
        var bound = new SocketName();
        var peer = new SocketName();
        try (InternetSocket listener = InternetSocket.listenAt(SocketName.of(any), 4)) {
            assertThat(listener.localName(bound)).isZero();
            assertThat(bound.port()).isPositive();
            assertThat(bound.toInetSocketAddress().getAddress()).isEqualTo(any.getAddress());
            try (InternetSocket client = InternetSocket.connectTo(bound, true);
                    InternetSocket server = accepted(listener, peer);
                    Arena arena = Arena.ofConfined()) {
                var own = new SocketName();
                assertThat(client.localName(own)).isZero();
                assertThat(peer).hasToString(own.toString());
                assertThat(client.option(InternetOption.TCP_NO_DELAY)).isPositive();
                MemorySegment data = arena.allocate(16);
                data.set(ValueLayout.JAVA_LONG, 0, 42);
                assertThat(client.send(data, 0, 8)).isEqualTo(8);
                assertThat(awaitBytes(server, data)).isEqualTo(8);
                assertThat(data.get(ValueLayout.JAVA_LONG, 8)).isEqualTo(42);
                assertThat(server.receive(data, 0, 8)).isEqualTo(-Errno.EAGAIN);
                SocketOptions.setTimeout(client.descriptor(), 20);
                assertThat(FileIo.read(client.descriptor(), data, 0, 8)).isEqualTo(-Errno.EAGAIN);
            }
        }
    }

    /** The kernel may still be busy with the last segment of the handshake when the client's end has done. */
    private static InternetSocket accepted(InternetSocket listener, SocketName peer) throws InterruptedException {
        InternetSocket accepted = listener.accept(peer);
        for (int i = 0; i < 20_000 && accepted == null; i++) {
            Thread.sleep(1);
            accepted = listener.accept(peer);
        }
        return Objects.requireNonNull(accepted);
    }

    /** Receives eight bytes at 8, which may be on their way. */
    private static long awaitBytes(InternetSocket server, MemorySegment data) throws InterruptedException {
        long result = server.receive(data, 8, 8);
        for (int i = 0; i < 20_000 && result == -Errno.EAGAIN; i++) {
            Thread.sleep(1);
            result = server.receive(data, 8, 8);
        }
        return result;
    }

    @Test
    void nobodyListeningAndNoSuchHostAreTold() {
        var bound = new SocketName();
        try (InternetSocket listener = InternetSocket.listenAt(loopback(0), 1)) {
            listener.localName(bound);
            assertThat(listener.accept(new SocketName())).isNull();
            assertThatThrownBy(() -> InternetSocket.listenAt(bound, 1)).isInstanceOf(HostException.class)
                    .hasMessageContaining("EADDRINUSE").hasMessageContaining(bound.toString());
        }
        assertThatThrownBy(() -> InternetSocket.connectTo(bound, true)).isInstanceOf(HostException.class)
                .hasMessageContaining("ECONNREFUSED").hasMessageContaining(bound.toString());
        assertThatThrownBy(() -> SocketName.of(InetSocketAddress.createUnresolved("nowhere.invalid", 1)))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("nowhere.invalid");
    }

    @Property
    void namesSurviveTheWayThroughTheKernelsForm(@ForAll @Size(16) byte[] bytes, @ForAll boolean four,
            @ForAll @IntRange(max = 65535) int port) throws Exception {
        var address = new InetSocketAddress(InetAddress.getByAddress(four ? Arrays.copyOf(bytes, 4) : bytes), port);
        assertThat(SocketName.of(address).toInetSocketAddress()).isEqualTo(address);
    }
}
