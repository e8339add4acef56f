package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A client that says whatever a test wants it to. */
final class RawClient implements AutoCloseable {

    private final SocketChannel channel;

    RawClient(Path socket) throws IOException {
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        channel.connect(UnixDomainSocketAddress.of(socket));
    }

    SocketChannel channel() {
        return channel;
    }

    DataInputStream in() {
        return new DataInputStream(Channels.newInputStream(channel));
    }

    /** Sends bytes; a server that hangs up in the middle of nonsense is no failure. */
    void send(byte[]... parts) {
        try {
            for (byte[] bytes : parts) {
                var buffer = ByteBuffer.wrap(bytes);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        } catch (IOException cutOff) {
            assertThat(cutOff).hasMessageMatching("(?i).*(broken pipe|reset|closed).*");
        }
    }

    /** Agrees on the fixed newstyle without zeroes. */
    void greet() {
        send(new byte[] {0, 0, 0, 3});
    }

    /** Chooses the default export without structured replies, and skips all that the server says to it. */
    void go() throws IOException {
        greet();
        send(option(Nbd.NBD_OPT_GO, new byte[6]));
        in().readNBytes(18 + 20 + 12 + 20); // greeting, NBD_INFO_EXPORT, acknowledgement
    }

    /** Reads what comes until the server hangs up; whether it does. */
    boolean endsBy(Duration patience) throws IOException, InterruptedException {
        channel.configureBlocking(false);
        long deadline = System.nanoTime() + patience.toNanos();
        var sink = ByteBuffer.allocate(65536);
        while (System.nanoTime() < deadline) {
            sink.clear();
            try {
                if (channel.read(sink) < 0) {
                    return true;
                }
            } catch (IOException reset) {
                return true;
            }
            Thread.sleep(1);
        }
        return false;
    }

    static byte[] joined(List<byte[]> parts) {
        var out = new ByteArrayOutputStream();
        parts.forEach(out::writeBytes);
        return out.toByteArray();
    }

    /** An option that may lie about its length. */
    static byte[] raw(int option, int length, byte[] data) {
        return ByteBuffer.allocate(16 + data.length).putLong(Nbd.IHAVEOPT).putInt(option).putInt(length).put(data)
                .array();
    }

    static byte[] option(int option, byte[] data) {
        return raw(option, data.length, data);
    }

    static byte[] request(int flags, int command, long cookie, long offset, int length) {
        return ByteBuffer.allocate(28).putInt(Nbd.NBD_REQUEST_MAGIC).putShort((short) flags).putShort((short) command)
                .putLong(cookie).putLong(offset).putInt(length).array();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
