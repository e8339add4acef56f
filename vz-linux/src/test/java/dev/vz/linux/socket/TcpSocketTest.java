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
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** tcp(7) over IPv4 and IPv6. */
@Timeout(30)
class TcpSocketTest {

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void bytesGoBothWays(String host) throws Exception {
        var any = new InetSocketAddress(InetAddress.getByName(host), 0);
        try (TcpListener listener = TcpListener.listen(any, 4, false);
                TcpSocket client = TcpSocket.connect(listener.address(), false);
                TcpSocket server = Objects.requireNonNull(listener.accept(false));
                Arena arena = Arena.ofConfined()) {
            assertThat(listener.address().getPort()).isPositive();
            assertThat(listener.address().getAddress()).isEqualTo(any.getAddress());
            MemorySegment data = arena.allocate(16);
            data.set(ValueLayout.JAVA_LONG, 0, 42);
            assertThat(FileIo.write(client.descriptor(), data, 0, 8)).isEqualTo(8);
            assertThat(FileIo.read(server.descriptor(), data, 8, 8)).isEqualTo(8);
            assertThat(data.get(ValueLayout.JAVA_LONG, 8)).isEqualTo(42);
            SocketOptions.setNonBlocking(server.descriptor(), true);
            assertThat(FileIo.read(server.descriptor(), data, 0, 8)).isEqualTo(-Errno.EAGAIN);
            SocketOptions.setTimeout(client.descriptor(), 20);
            assertThat(FileIo.read(client.descriptor(), data, 0, 8)).isEqualTo(-Errno.EAGAIN);
        }
    }

    @Test
    void nobodyListeningAndNoSuchHostAreTold() throws Exception {
        InetSocketAddress gone;
        try (TcpListener listener = TcpListener.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1,
                true)) {
            gone = listener.address();
            assertThat(listener.accept(true)).isNull();
            assertThatThrownBy(() -> TcpListener.listen(listener.address(), 1, true))
                    .isInstanceOf(HostException.class).hasMessageContaining("EADDRINUSE");
        }
        assertThatThrownBy(() -> TcpSocket.connect(gone, false)).isInstanceOf(HostException.class)
                .hasMessageContaining("ECONNREFUSED");
        assertThatThrownBy(() -> TcpSocket.connect(InetSocketAddress.createUnresolved("nowhere.invalid", 1), false))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("nowhere.invalid");
    }
}
