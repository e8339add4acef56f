package dev.vz.linux.socket;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.iovec;
import dev.vz.linux.generated.mmsghdr;
import dev.vz.linux.generated.msghdr;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Many messages in one call: sendmmsg(2) and recvmmsg(2), for sockets that keep message boundaries.
 *
 * <p>
 * Made once and filled again, without allocating. The buffers must stay mapped until the call returns. Used by one thread
 * at a time.
 */
public final class MessageBatch {

    /** The most messages that one call takes, UIO_MAXIOV. */
    public static final int MAXIMUM = 1024;

    private final int capacity;
    private final MemorySegment headers;
    private final MemorySegment vectors;
    private final @Nullable MemorySegment[] buffers;

    /** Room for {@code capacity} messages, 1 to {@value #MAXIMUM}. */
    public MessageBatch(int capacity) {
        NativeAccess.require();
        if (capacity < 1 || capacity > MAXIMUM) {
            throw new ConfigurationException("A batch has 1 to " + MAXIMUM + " messages, not " + capacity);
        }
        this.capacity = capacity;
        var arena = Arena.ofAuto();
        headers = arena.allocate(mmsghdr.layout(), capacity);
        vectors = arena.allocate(iovec.layout(), capacity);
        buffers = new MemorySegment[capacity];
        for (int i = 0; i < capacity; i++) {
            headers.set(ValueLayout.JAVA_LONG, i * Layout.HEADER + Layout.VECTORS,
                    vectors.address() + i * Layout.VECTOR);
            headers.set(ValueLayout.JAVA_LONG, i * Layout.HEADER + Layout.VECTOR_COUNT, 1);
        }
    }

    /** Puts {@code [offset, offset + length)} of {@code buffer}, native memory, at {@code index}. */
    public void set(int index, MemorySegment buffer, long offset, long length) {
        Objects.checkIndex(index, capacity);
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        if (!buffer.isNative()) {
            throw new ConfigurationException("The kernel reaches native memory only, not an array of the Java heap");
        }
        buffers[index] = buffer;
        vectors.set(ValueLayout.JAVA_LONG, index * Layout.VECTOR + Layout.BASE, buffer.address() + offset);
        vectors.set(ValueLayout.JAVA_LONG, index * Layout.VECTOR + Layout.LENGTH, length);
    }

    /**
     * Sends the messages {@code [from, from + count)}.
     *
     * @return how many were sent, or errno negated if not even the first was
     */
    public int send(FileDescriptor socket, int from, int count) {
        Objects.checkFromIndexSize(from, count, capacity);
        try {
            return SocketCalls.sendmmsg(socket.value(), headers.address() + from * Layout.HEADER, count,
                    LinuxHeaders.MSG_NOSIGNAL());
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Receives up to {@code count} messages from index 0 on, waiting for the first if the socket does, and not for more.
     *
     * @return how many came, or errno negated
     */
    public int receive(FileDescriptor socket, int count) {
        Objects.checkFromIndexSize(0, count, capacity);
        try {
            return SocketCalls.recvmmsg(socket.value(), headers.address(), count, LinuxHeaders.MSG_WAITFORONE(), 0);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Bytes of message {@code index} that were sent or received. */
    public int length(int index) {
        Objects.checkIndex(index, capacity);
        return headers.get(ValueLayout.JAVA_INT, index * Layout.HEADER + Layout.TRANSFERRED);
    }

    /** Whether message {@code index} was longer than its buffer when received; its rest is lost. */
    public boolean isTruncated(int index) {
        Objects.checkIndex(index, capacity);
        int flags = headers.get(ValueLayout.JAVA_INT, index * Layout.HEADER + Layout.FLAGS);
        return (flags & LinuxHeaders.MSG_TRUNC()) != 0;
    }

    /** How many messages it has room for. */
    public int capacity() {
        return capacity;
    }

    // Apart, so that the bindings are first touched after the check for native access.
    private static final class Layout {
        static final long HEADER = mmsghdr.sizeof();
        static final long VECTORS = mmsghdr.msg_hdr$offset() + msghdr.msg_iov$offset();
        static final long VECTOR_COUNT = mmsghdr.msg_hdr$offset() + msghdr.msg_iovlen$offset();
        static final long FLAGS = mmsghdr.msg_hdr$offset() + msghdr.msg_flags$offset();
        static final long TRANSFERRED = mmsghdr.msg_len$offset();
        static final long VECTOR = iovec.sizeof();
        static final long BASE = iovec.iov_base$offset();
        static final long LENGTH = iovec.iov_len$offset();
    }
}
