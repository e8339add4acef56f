package dev.vz.linux.socket;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.file.IoVectors;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.cmsghdr;
import dev.vz.linux.generated.msghdr;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/**
 * One message with pieces of memory and descriptors: sendmsg(2), recvmsg(2) and SCM_RIGHTS.
 *
 * <p>
 * Made once and used again. What a peer sends is bounded: more descriptors than the message has room for are never let
 * in, and a message from which the kernel cut some ({@code MSG_CTRUNC}) is refused as a whole, its descriptors closed.
 * Received descriptors are closed on exec and belong to the message until taken. Used by one thread at a time.
 */
public final class SocketMessage implements AutoCloseable {

    /** The most descriptors that the kernel passes with one message, SCM_MAX_FD. */
    public static final int MAXIMUM_DESCRIPTORS = 253;

    private final int maximumDescriptors;
    private final IoVectors vectors;
    private final MemorySegment header;
    private final MemorySegment control;
    private final List<FileDescriptor> received = new ArrayList<>();
    private boolean truncated;

    /**
     * A message.
     *
     * @param maximumPieces      how many pieces of memory it has room for, 1 to {@value IoVectors#MAXIMUM}
     * @param maximumDescriptors how many descriptors it has room for, 0 to {@value #MAXIMUM_DESCRIPTORS}
     */
    public SocketMessage(int maximumPieces, int maximumDescriptors) {
        NativeAccess.require();
        if (maximumDescriptors < 0 || maximumDescriptors > MAXIMUM_DESCRIPTORS) {
            throw new ConfigurationException("A message carries 0 to " + MAXIMUM_DESCRIPTORS + " descriptors, not "
                    + maximumDescriptors);
        }
        this.maximumDescriptors = maximumDescriptors;
        vectors = new IoVectors(maximumPieces);
        var arena = Arena.ofAuto();
        header = arena.allocate(msghdr.layout());
        control = arena.allocate(Layout.HEADER + (long) Integer.BYTES * Math.max(1, maximumDescriptors), Long.BYTES);
        msghdr.msg_iov(header, vectors.array());
    }

    /** The pieces of memory to send from or receive into; the caller fills them. */
    public IoVectors vectors() {
        return vectors;
    }

    /**
     * Sends the pieces and, along with the first byte, {@code descriptors}, which stay the caller's.
     *
     * @return bytes sent, or errno negated; a peer that is gone is {@code EPIPE}
     */
    public long send(UnixSocket socket, FileDescriptor... descriptors) {
        if (descriptors.length > maximumDescriptors) {
            throw new ConfigurationException("This message has room for " + maximumDescriptors + " descriptors, not "
                    + descriptors.length);
        }
        if (descriptors.length > 0) {
            long length = Layout.HEADER + (long) Integer.BYTES * descriptors.length;
            cmsghdr.cmsg_len(control, length);
            cmsghdr.cmsg_level(control, LinuxHeaders.SOL_SOCKET());
            cmsghdr.cmsg_type(control, LinuxHeaders.SCM_RIGHTS());
            for (int i = 0; i < descriptors.length; i++) {
                control.set(ValueLayout.JAVA_INT, Layout.HEADER + (long) Integer.BYTES * i, descriptors[i].value());
            }
            prepare(length);
        } else {
            prepare(0);
        }
        try {
            return SocketCalls.sendmsg(socket.descriptor().value(), header.address(), LinuxHeaders.MSG_NOSIGNAL());
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Receives into the pieces. Descriptors of an earlier message that nobody took are closed first.
     *
     * @return bytes received, 0 when the peer has shut down, or errno negated; {@code EMSGSIZE} if the peer sent more
     *         descriptors than there is room for, none of which is kept
     */
    public long receive(UnixSocket socket) {
        closeReceived();
        prepare(Layout.HEADER + (long) Integer.BYTES * maximumDescriptors);
        int flags = LinuxHeaders.MSG_CMSG_CLOEXEC();
        long result = SocketCalls.recvmsg(socket.descriptor().value(), header.address(), flags);
        if (result < 0) {
            truncated = false;
            return result;
        }
        int found = msghdr.msg_flags(header);
        truncated = (found & LinuxHeaders.MSG_TRUNC()) != 0;
        collect(msghdr.msg_controllen(header), socket);
        if ((found & LinuxHeaders.MSG_CTRUNC()) != 0) {
            closeReceived();
            return -Errno.EMSGSIZE;
        }
        return result;
    }

    /** Whether the last message received was longer than the pieces; its rest is lost. */
    public boolean isTruncated() {
        return truncated;
    }

    /** How many descriptors came with the last message and have not been taken. */
    public int descriptorCount() {
        return received.size();
    }

    /** Hands the received descriptors over: the caller closes them. */
    public List<FileDescriptor> takeDescriptors() {
        var taken = List.copyOf(received);
        received.clear();
        return taken;
    }

    /** Closes received descriptors that nobody took. */
    @Override
    public void close() {
        closeReceived();
    }

    private void prepare(long controlLength) {
        msghdr.msg_iovlen(header, vectors.count());
        msghdr.msg_control(header, controlLength == 0 ? MemorySegment.NULL : control);
        msghdr.msg_controllen(header, controlLength);
        msghdr.msg_flags(header, 0);
    }

    // The kernel writes the headers, so their lengths are right; they are checked all the same, as is every length here.
    private void collect(long controlLength, UnixSocket socket) {
        long at = 0;
        while (at + Layout.HEADER <= controlLength) {
            MemorySegment entry = control.asSlice(at);
            long length = cmsghdr.cmsg_len(entry);
            if (length < Layout.HEADER || length > controlLength - at) {
                return;
            }
            if (cmsghdr.cmsg_level(entry) == LinuxHeaders.SOL_SOCKET()
                    && cmsghdr.cmsg_type(entry) == LinuxHeaders.SCM_RIGHTS()) {
                for (long data = Layout.HEADER; data + Integer.BYTES <= length; data += Integer.BYTES) {
                    received.add(FileDescriptor.adopt(entry.get(ValueLayout.JAVA_INT, data),
                            "descriptor from " + socket.descriptor().description()));
                }
            }
            at += (length + Long.BYTES - 1) & -Long.BYTES;
        }
    }

    private void closeReceived() {
        for (FileDescriptor descriptor : received) {
            descriptor.close();
        }
        received.clear();
    }

    // Apart, so that the bindings are first touched after the check for native access.
    private static final class Layout {
        static final long HEADER = cmsghdr.sizeof();
    }
}
