package dev.vz.virtio.vhost;

import dev.vz.error.FormatException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.socket.SocketMessage;
import dev.vz.linux.socket.UnixSocket;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Messages over a socket, one at a time: header, payload, descriptors. What came in stays until the next
 * {@link #receive}; descriptors that nobody took are closed then. Used by one thread.
 */
final class MessageChannel implements AutoCloseable {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final UnixSocket socket;
    private final SocketMessage incoming = new SocketMessage(1, Protocol.MOST_DESCRIPTORS);
    private final SocketMessage outgoing = new SocketMessage(1, Protocol.MOST_DESCRIPTORS);
    private final MemorySegment in = Arena.ofAuto().allocate(Protocol.HEADER + Protocol.MOST_PAYLOAD, 8);
    private final MemorySegment out = Arena.ofAuto().allocate(Protocol.HEADER + Protocol.MOST_PAYLOAD, 8);

    MessageChannel(UnixSocket socket) {
        this.socket = socket;
    }

    /** Waits for the next message; {@code false} when the other side has gone. */
    boolean receive() {
        incoming.vectors().clear();
        incoming.vectors().add(in, 0, Protocol.HEADER);
        long got;
        do {
            got = incoming.receive(socket);
        } while (got == -Errno.EINTR);
        if (got <= 0) {
            return ended(got);
        }
        if (!fill(got, Protocol.HEADER)) {
            return false;
        }
        int size = size();
        if ((flags() & 3) != Protocol.FLAG_VERSION || size < 0 || size > Protocol.MOST_PAYLOAD) {
            throw new FormatException(Protocol.name(request()) + " has flags 0x" + Integer.toHexString(flags())
                    + " and " + Integer.toUnsignedString(size) + " bytes of payload; expected version 1 and up to "
                    + Protocol.MOST_PAYLOAD + " bytes");
        }
        return fill(Protocol.HEADER, Protocol.HEADER + size);
    }

    private boolean ended(long result) {
        if (result == 0 || result == -Errno.ECONNRESET) {
            return false;
        }
        if (result == -Errno.EMSGSIZE) {
            throw new FormatException("a message came with more than " + Protocol.MOST_DESCRIPTORS + " descriptors");
        }
        throw Errno.failure("recvmsg", socket.descriptor(), result);
    }

    private boolean fill(long from, long to) {
        long at = from;
        while (at < to) {
            long got = socket.receive(in, at, to - at);
            if (got == -Errno.EINTR) {
                continue;
            }
            if (got <= 0) {
                return ended(got);
            }
            at += got;
        }
        return true;
    }

    int request() {
        return in.get(INT, 0);
    }

    int flags() {
        return in.get(INT, 4);
    }

    int size() {
        return in.get(INT, 8);
    }

    /** Payload of at least {@code bytes} is required from here on. */
    void require(int bytes) {
        if (size() < bytes) {
            throw new FormatException(Protocol.name(request()) + " has " + size() + " bytes of payload; " + bytes
                    + " are needed");
        }
    }

    int shortAt(int offset) {
        return in.get(SHORT, Protocol.HEADER + offset) & 0xFFFF;
    }

    int intAt(int offset) {
        return in.get(INT, Protocol.HEADER + offset);
    }

    long longAt(int offset) {
        return in.get(LONG, Protocol.HEADER + offset);
    }

    int byteAt(int offset) {
        return in.get(ValueLayout.JAVA_BYTE, Protocol.HEADER + offset) & 0xFF;
    }

    /** The descriptors that came along; the caller closes them. */
    List<FileDescriptor> takeDescriptors() {
        return incoming.takeDescriptors();
    }

    /** The one descriptor that must have come along; the caller closes it. */
    FileDescriptor takeDescriptor() {
        List<FileDescriptor> all = takeDescriptors();
        if (all.size() != 1) {
            all.forEach(FileDescriptor::close);
            throw new FormatException(Protocol.name(request()) + " came with " + all.size()
                    + " descriptors instead of one");
        }
        return all.getFirst();
    }

    /** The payload that is being put together, for {@link #send}. */
    MemorySegment reply() {
        return out.asSlice(Protocol.HEADER);
    }

    void reply(long value) {
        out.set(LONG, Protocol.HEADER, value);
        send(request(), Protocol.FLAG_VERSION | Protocol.FLAG_REPLY, 8);
    }

    /** Sends the payload that {@link #reply} holds. */
    void send(int request, int flags, int size, FileDescriptor... descriptors) {
        out.set(INT, 0, request);
        out.set(INT, 4, flags);
        out.set(INT, 8, size);
        long total = Protocol.HEADER + (long) size;
        outgoing.vectors().clear();
        outgoing.vectors().add(out, 0, total);
        long done;
        do {
            done = outgoing.send(socket, descriptors);
        } while (done == -Errno.EINTR);
        while (done >= 0 && done < total) {
            long more = socket.send(out, done, total - done);
            if (more < 0 && more != -Errno.EINTR) {
                done = more;
            } else {
                done += Math.max(0, more);
            }
        }
        if (done < 0) {
            throw Errno.failure("sendmsg", socket.descriptor(), done);
        }
    }

    @Override
    public void close() {
        incoming.close();
        socket.close();
    }
}
