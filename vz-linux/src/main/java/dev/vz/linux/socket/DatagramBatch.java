package dev.vz.linux.socket;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.cmsghdr;
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
 * Many datagrams with their peers in one call, and many equal datagrams in one message: sendmmsg(2), recvmmsg(2),
 * {@code UDP_SEGMENT} and {@code UDP_GRO} of udp(7).
 *
 * <p>
 * Made once and filled again, without allocating. The buffers must stay mapped until the call returns. Used by one thread
 * at a time.
 */
public final class DatagramBatch {

    private static final int SOL_UDP = 17;
    private static final int UDP_SEGMENT = 103;
    private static final int UDP_GRO = 104;
    private static final int NAME_STRIDE = 32;
    private static final int CONTROL_STRIDE = 64;

    private final int capacity;
    private final MemorySegment headers;
    private final MemorySegment vectors;
    private final MemorySegment control;
    private final SocketName[] names;
    private final @Nullable MemorySegment[] buffers;

    /** Room for {@code capacity} messages, 1 to {@value MessageBatch#MAXIMUM}. */
    public DatagramBatch(int capacity) {
        NativeAccess.require();
        if (capacity < 1 || capacity > MessageBatch.MAXIMUM) {
            throw new ConfigurationException("A batch has 1 to " + MessageBatch.MAXIMUM + " datagrams, not "
                    + capacity);
        }
        this.capacity = capacity;
        var arena = Arena.ofAuto();
        headers = arena.allocate(mmsghdr.layout(), capacity);
        vectors = arena.allocate(iovec.layout(), capacity);
        control = arena.allocate((long) CONTROL_STRIDE * capacity, 8);
        MemorySegment nameSpace = arena.allocate((long) NAME_STRIDE * capacity, 8);
        names = new SocketName[capacity];
        buffers = new MemorySegment[capacity];
        for (int i = 0; i < capacity; i++) {
            long at = i * Layout.HEADER;
            names[i] = new SocketName(nameSpace.asSlice((long) NAME_STRIDE * i, SocketName.SIZE),
                    headers.asSlice(at + Layout.NAME_LENGTH, 4));
            headers.set(ValueLayout.JAVA_LONG, at + Layout.VECTORS, vectors.address() + i * Layout.VECTOR);
            headers.set(ValueLayout.JAVA_LONG, at + Layout.VECTOR_COUNT, 1);
        }
    }

    /** Puts {@code [offset, offset + length)} of {@code buffer}, native memory, at {@code index}, for the socket's peer. */
    public void set(int index, MemorySegment buffer, long offset, long length) {
        Objects.checkIndex(index, capacity);
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        buffers[index] = buffer;
        vectors.set(ValueLayout.JAVA_LONG, index * Layout.VECTOR + Layout.BASE, buffer.address() + offset);
        vectors.set(ValueLayout.JAVA_LONG, index * Layout.VECTOR + Layout.LENGTH, length);
        long at = index * Layout.HEADER;
        headers.set(ValueLayout.JAVA_LONG, at + Layout.NAME, 0);
        headers.set(ValueLayout.JAVA_INT, at + Layout.NAME_LENGTH, 0);
        headers.set(ValueLayout.JAVA_LONG, at + Layout.CONTROL, 0);
        headers.set(ValueLayout.JAVA_LONG, at + Layout.CONTROL_LENGTH, 0);
    }

    /** Sends the message at {@code index} to an address; to be called after {@link #set}. */
    public void setReceiver(int index, long high, long low, int port) {
        names[Objects.checkIndex(index, capacity)].set(high, low, port, 0);
        headers.set(ValueLayout.JAVA_LONG, index * Layout.HEADER + Layout.NAME, names[index].address());
    }

    /** Sends the message at {@code index} as datagrams of {@code size} bytes, the last one shorter; after {@link #set}. */
    public void setSegmentSize(int index, int size) {
        long at = (long) CONTROL_STRIDE * Objects.checkIndex(index, capacity);
        control.set(ValueLayout.JAVA_LONG, at + cmsghdr.cmsg_len$offset(), Layout.CMSG + 2);
        control.set(ValueLayout.JAVA_INT, at + cmsghdr.cmsg_level$offset(), SOL_UDP);
        control.set(ValueLayout.JAVA_INT, at + cmsghdr.cmsg_type$offset(), UDP_SEGMENT);
        control.set(ValueLayout.JAVA_SHORT, at + Layout.CMSG, (short) size);
        long header = index * Layout.HEADER;
        headers.set(ValueLayout.JAVA_LONG, header + Layout.CONTROL, control.address() + at);
        headers.set(ValueLayout.JAVA_LONG, header + Layout.CONTROL_LENGTH, Layout.CMSG + 8);
    }

    /**
     * Sends the messages {@code [from, from + count)}.
     *
     * @return how many were sent, or errno negated if not even the first was
     */
    public int send(InternetSocket socket, int from, int count) {
        Objects.checkFromIndexSize(from, count, capacity);
        try {
            return SocketCalls.sendmmsg(socket.descriptor().value(), headers.address() + from * Layout.HEADER, count,
                    LinuxHeaders.MSG_NOSIGNAL());
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Sends the buffers {@code [0, count)} as one message that the kernel cuts into datagrams of {@code size} bytes: all
     * but the last must have that size. Much cheaper than as many messages.
     *
     * @return 1, or errno negated: {@code EINVAL}, {@code EIO} or {@code EMSGSIZE} where the path cannot do it
     */
    public int sendJoined(InternetSocket socket, int count, int size) {
        Objects.checkFromIndexSize(0, count, capacity);
        setSegmentSize(0, size);
        headers.set(ValueLayout.JAVA_LONG, Layout.VECTOR_COUNT, count);
        try {
            return send(socket, 0, 1);
        } finally {
            headers.set(ValueLayout.JAVA_LONG, Layout.VECTOR_COUNT, 1);
            headers.set(ValueLayout.JAVA_LONG, Layout.CONTROL, 0);
            headers.set(ValueLayout.JAVA_LONG, Layout.CONTROL_LENGTH, 0);
        }
    }

    /**
     * Receives up to {@code count} messages from index 0 on, with their senders.
     *
     * @return how many came, or errno negated
     */
    public int receive(InternetSocket socket, int count) {
        Objects.checkFromIndexSize(0, count, capacity);
        for (int i = 0; i < count; i++) {
            long at = i * Layout.HEADER;
            headers.set(ValueLayout.JAVA_LONG, at + Layout.NAME, names[i].address());
            names[i].lengthForKernel();
            headers.set(ValueLayout.JAVA_LONG, at + Layout.CONTROL, control.address() + (long) CONTROL_STRIDE * i);
            headers.set(ValueLayout.JAVA_LONG, at + Layout.CONTROL_LENGTH, CONTROL_STRIDE);
        }
        try {
            return SocketCalls.recvmmsg(socket.descriptor().value(), headers.address(), count,
                    LinuxHeaders.MSG_DONTWAIT(), 0);
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

    /** Bytes of each datagram that message {@code index} was joined of when received; 0 if it is a single one. */
    public int segmentSize(int index) {
        Objects.checkIndex(index, capacity);
        long end = Math.min(headers.get(ValueLayout.JAVA_LONG, index * Layout.HEADER + Layout.CONTROL_LENGTH),
                CONTROL_STRIDE);
        long at = (long) CONTROL_STRIDE * index;
        if (end < Layout.CMSG + 4 || control.get(ValueLayout.JAVA_INT, at + cmsghdr.cmsg_level$offset()) != SOL_UDP
                || control.get(ValueLayout.JAVA_INT, at + cmsghdr.cmsg_type$offset()) != UDP_GRO) {
            return 0;
        }
        return control.get(ValueLayout.JAVA_INT, at + Layout.CMSG);
    }

    /** Who sent message {@code index}. */
    public SocketName sender(int index) {
        return names[Objects.checkIndex(index, capacity)];
    }

    /** How many messages it has room for. */
    public int capacity() {
        return capacity;
    }

    // Apart, so that the bindings are first touched after the check for native access.
    private static final class Layout {
        static final long HEADER = mmsghdr.sizeof();
        static final long NAME = mmsghdr.msg_hdr$offset() + msghdr.msg_name$offset();
        static final long NAME_LENGTH = mmsghdr.msg_hdr$offset() + msghdr.msg_namelen$offset();
        static final long VECTORS = mmsghdr.msg_hdr$offset() + msghdr.msg_iov$offset();
        static final long VECTOR_COUNT = mmsghdr.msg_hdr$offset() + msghdr.msg_iovlen$offset();
        static final long CONTROL = mmsghdr.msg_hdr$offset() + msghdr.msg_control$offset();
        static final long CONTROL_LENGTH = mmsghdr.msg_hdr$offset() + msghdr.msg_controllen$offset();
        static final long FLAGS = mmsghdr.msg_hdr$offset() + msghdr.msg_flags$offset();
        static final long TRANSFERRED = mmsghdr.msg_len$offset();
        static final long VECTOR = iovec.sizeof();
        static final long BASE = iovec.iov_base$offset();
        static final long LENGTH = iovec.iov_len$offset();
        static final long CMSG = cmsghdr.sizeof();
    }
}
