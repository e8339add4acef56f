package dev.vz.net.dns;

import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.StreamService;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * DNS over TCP (RFC 7766): messages with their length before them. A bounded number of connections, the oldest leaving
 * first; one that claims a query larger than any, or does not read its answers, is closed.
 */
final class DnsStreams implements StreamService, AutoCloseable {

    private static final int CONNECTIONS = 64;
    private static final int PREFIX = 2;

    private final DnsForwarder forwarder;
    private final Gateway gateway;
    private final ArrayDeque<Connection> connections = new ArrayDeque<>();
    private final MemorySegment output = Arena.ofAuto().allocate(PREFIX + 0xFFFFL);

    DnsStreams(DnsForwarder forwarder, Gateway gateway) {
        this.forwarder = forwarder;
        this.gateway = gateway;
    }

    @Override
    public void accept(UnixSocket stream, InetAddress guest) {
        while (connections.size() >= CONNECTIONS) {
            connections.getFirst().close();
        }
        connections.add(new Connection(stream));
    }

    @Override
    public void close() {
        gateway.execute(() -> {
            while (!connections.isEmpty()) {
                connections.getFirst().close();
            }
        });
    }

    private final class Connection implements AutoCloseable {
        private final UnixSocket socket;
        private final MemorySegment input = Arena.ofAuto().allocate(PREFIX + DnsQuestion.LARGEST_QUERY);
        private EpollLoop.@Nullable Registration registration;
        private int filled;

        Connection(UnixSocket socket) {
            this.socket = socket;
            registration = gateway.loop().register(socket.descriptor(), Readiness.IN, (which, readiness) -> read());
        }

        private void read() {
            long result = socket.receive(input, filled, input.byteSize() - filled);
            if (result == -Errno.EAGAIN || result == -Errno.EINTR) {
                return;
            }
            if (result <= 0) {
                close();
                return;
            }
            filled += (int) result;
            int at = 0;
            while (registration != null && filled - at >= PREFIX) {
                int length = Wire.u16(input, at);
                if (length > DnsQuestion.LARGEST_QUERY) {
                    close();
                    return;
                }
                if (filled - at - PREFIX < length) {
                    break;
                }
                forwarder.stream(input, at + PREFIX, length, this::answer);
                at += PREFIX + length;
            }
            MemorySegment.copy(input, at, input, 0, filled - at);
            filled -= at;
        }

        private void answer(MemorySegment segment, int length) {
            if (registration == null) {
                return;
            }
            Wire.put16(output, 0, length);
            MemorySegment.copy(segment, 0, output, PREFIX, length);
            if (socket.send(output, 0, PREFIX + length) != PREFIX + length) {
                close(); // it has not read for a long time
            }
        }

        @Override
        public void close() {
            if (registration != null) {
                registration.cancel();
                registration = null;
                connections.remove(this);
                socket.close();
            }
        }
    }
}
