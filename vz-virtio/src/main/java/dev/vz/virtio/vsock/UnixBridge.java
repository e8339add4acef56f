package dev.vz.virtio.vsock;

import dev.vz.error.HostException;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Streams between a guest's vsock and Unix sockets of the host, after the convention of Firecracker and Cloud Hypervisor.
 *
 * <p>
 * A program of the host connects to the bridge's socket, writes {@code CONNECT PORT\n}, reads {@code OK OWNPORT\n}, and is
 * connected with that port of the guest. A guest that connects to port {@code PORT} of the host reaches whoever listens at
 * the bridge's path followed by {@code _PORT}, for those ports that were {@link #forward forwarded}.
 */
public final class UnixBridge implements AutoCloseable {

    private static final Logger LOG = System.getLogger(UnixBridge.class.getName());
    private static final int COPY = 16 << 10;
    private static final int MOST_COMMAND = 32;
    private static final int CONNECT_SECONDS = 10;

    private final VsockDevice device;
    private final Path path;
    private final ServerSocketChannel listener;
    private final Set<Integer> forwarded = ConcurrentHashMap.newKeySet();
    private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    /**
     * A bridge to {@code device} that listens at {@code path}, which must not exist yet.
     *
     * @throws HostException if it cannot listen there
     */
    public UnixBridge(VsockDevice device, Path path) {
        this.device = device;
        this.path = path;
        try {
            listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                listener.bind(UnixDomainSocketAddress.of(path));
            } catch (IOException | RuntimeException failure) {
                listener.close();
                throw failure;
            }
        } catch (IOException failure) {
            throw new HostException("listening for vsock connections", path.toString(), failure);
        }
        Thread.ofVirtual().name("vsock " + path).start(this::accept);
    }

    /** Carries streams that the guest opens to {@code port} to whoever listens at the path with {@code _PORT} behind it. */
    public UnixBridge forward(int port) {
        device.listen(port, this::fromGuest);
        forwarded.add(port);
        return this;
    }

    private void fromGuest(VsockConnection connection) {
        Path target = Path.of(path + "_" + Integer.toUnsignedString(connection.hostPort()));
        try (connection; var socket = SocketChannel.open(UnixDomainSocketAddress.of(target))) {
            carry(socket, connection);
        } catch (IOException refused) {
            LOG.log(Level.DEBUG, "The guest''s connection to {0} ends: {1}", target, refused.getMessage());
        }
    }

    private void accept() {
        while (!closed) {
            try {
                SocketChannel socket = listener.accept();
                Thread.ofVirtual().name("vsock to guest").start(() -> fromHost(socket));
            } catch (ClosedChannelException end) {
                return;
            } catch (IOException failure) {
                LOG.log(Level.WARNING, "No further vsock connections at {0}: {1}", path, failure.getMessage());
                return;
            }
        }
    }

    private void fromHost(SocketChannel socket) {
        try (socket) {
            open.add(socket);
            int port = command(socket);
            try (VsockConnection connection = device.connect(port, CONNECT_SECONDS, TimeUnit.SECONDS)) {
                String answer = "OK " + Integer.toUnsignedString(connection.hostPort()) + "\n";
                writeAll(socket, ByteBuffer.wrap(answer.getBytes(StandardCharsets.US_ASCII)));
                carry(socket, connection);
            }
        } catch (IOException refused) {
            LOG.log(Level.DEBUG, "A connection to the guest ends: {0}", refused.getMessage());
        } finally {
            open.remove(socket);
        }
    }

    /** Reads the command byte by byte: what follows it is the stream's. */
    private static int command(SocketChannel socket) throws IOException {
        var line = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (true) {
            one.clear();
            if (socket.read(one) < 0 || line.length() == MOST_COMMAND) {
                throw new IOException("no command \"CONNECT PORT\", but \"" + line + "\"");
            }
            char next = (char) (one.get(0) & 0x7F);
            if (next == '\n') {
                break;
            }
            line.append(next);
        }
        String text = line.toString().trim();
        if (!text.matches("(?i)CONNECT [0-9]{1,10}")) {
            throw new IOException("no command \"CONNECT PORT\", but \"" + text + "\"");
        }
        try {
            return Integer.parseUnsignedInt(text.substring(8));
        } catch (NumberFormatException tooLarge) {
            throw new IOException("no port: \"" + text + "\"", tooLarge);
        }
    }

    /** Copies both ways until both have ended. */
    private void carry(SocketChannel socket, VsockConnection connection) throws IOException {
        open.add(socket);
        try {
            Thread toGuest = Thread.ofVirtual().name("vsock to guest").start(() -> toGuest(socket, connection));
            var bytes = new byte[COPY];
            for (int got = connection.read(bytes, 0, COPY); got >= 0; got = connection.read(bytes, 0, COPY)) {
                writeAll(socket, ByteBuffer.wrap(bytes, 0, got));
            }
            socket.shutdownOutput();
            toGuest.join();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IOException(connection + ": interrupted", interrupted);
        } finally {
            open.remove(socket);
        }
    }

    private static void toGuest(SocketChannel socket, VsockConnection connection) {
        ByteBuffer buffer = ByteBuffer.allocate(COPY);
        try {
            while (socket.read(buffer.clear()) >= 0) {
                connection.write(buffer.array(), 0, buffer.position());
            }
            connection.shutdownOutput();
        } catch (IOException ended) {
            LOG.log(Level.DEBUG, "{0} ends: {1}", connection, ended.getMessage());
            connection.close();
        }
    }

    private static void writeAll(SocketChannel socket, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            socket.write(buffer);
        }
    }

    /** Ends every stream that it carries, and removes its socket. Idempotent. */
    @Override
    public void close() {
        closed = true;
        forwarded.forEach(device::unlisten);
        try {
            listener.close();
            for (SocketChannel socket : open) {
                socket.close();
            }
            Files.deleteIfExists(path);
        } catch (IOException failure) {
            throw new HostException("closing the vsock bridge", path.toString(), failure);
        }
    }
}
