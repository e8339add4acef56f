package dev.vz.samples.cli.bench;

import dev.vz.error.HostException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The host's end of a guest's connections, at a loopback port. The first byte says what the guest does: {@code s}, it sends,
 * and all of it is thrown away until it ends; {@code r}, it receives for as long as it likes. A thread for each connection.
 */
final class StreamServer implements AutoCloseable {

    private static final int BYTES = 1 << 18;
    private static final int WAITING = 16;

    private final ServerSocket socket;
    private final Set<Socket> connections = ConcurrentHashMap.newKeySet();

    StreamServer() {
        try {
            socket = new ServerSocket(0, WAITING, InetAddress.getLoopbackAddress());
        } catch (IOException failure) {
            throw new HostException("listening for a guest", "a loopback port", failure);
        }
        Thread.ofPlatform().daemon().name("vz-bench-accept").start(this::accept);
    }

    int port() {
        return socket.getLocalPort();
    }

    private void accept() {
        try {
            while (true) {
                Socket connection = socket.accept();
                connections.add(connection);
                Thread.ofPlatform().daemon().name("vz-bench-stream").start(() -> serve(connection));
            }
        } catch (IOException closed) {
            // That is how it ends.
        }
    }

    private void serve(Socket connection) {
        try (connection) {
            var bytes = new byte[BYTES];
            InputStream in = connection.getInputStream();
            if (in.read() == 'r') {
                while (true) {
                    connection.getOutputStream().write(bytes);
                }
            }
            int more = in.read(bytes);
            while (more >= 0) {
                more = in.read(bytes);
            }
        } catch (IOException gone) {
            // A guest that receives ends by hanging up; one that sends misses the end that it waits for, and says so.
        } finally {
            connections.remove(connection);
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
            for (Socket connection : connections) {
                connection.close();
            }
        } catch (IOException failure) {
            throw new HostException("closing", "a guest's connections", failure);
        }
    }
}
