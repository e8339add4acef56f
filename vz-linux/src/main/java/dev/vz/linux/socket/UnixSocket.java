package dev.vz.linux.socket;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.file.FileIo;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.ucred;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A Unix socket that is connected, or a datagram socket.
 *
 * <p>
 * Any thread may call; what two readers or two writers at a time on one stream get is a matter of chance.
 */
public final class UnixSocket implements AutoCloseable {

    /** Which half {@link #shutdown} ends. */
    public enum Half {
        /** Nothing more is received. */
        READ,
        /** Nothing more is sent; the other side sees the end. */
        WRITE,
        /** Both. */
        BOTH
    }

    /**
     * Two connected sockets.
     *
     * @param first  one end
     * @param second the other
     */
    public record Pair(UnixSocket first, UnixSocket second) implements AutoCloseable {
        @Override
        public void close() {
            try {
                first.close();
            } finally {
                second.close();
            }
        }
    }

    /**
     * Who is at the other end, as it was when the connection was made.
     *
     * @param process its process id
     * @param user    its user id
     * @param group   its group id
     */
    public record Peer(int process, int user, int group) {}

    private final FileDescriptor descriptor;

    private UnixSocket(FileDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** Takes over a socket that came from elsewhere. */
    public static UnixSocket adopt(FileDescriptor descriptor) {
        return new UnixSocket(descriptor);
    }

    /**
     * Two sockets connected with each other: socketpair(2).
     *
     * @param nonBlocking whether calls on both return {@code EAGAIN} instead of waiting
     */
    public static Pair pair(SocketType type, boolean nonBlocking) {
        NativeAccess.require();
        MemorySegment scratch = CallState.current().scratch();
        int result = SocketCalls.socketpair(LinuxHeaders.AF_UNIX(), flags(type, nonBlocking), 0, scratch);
        Errno.check("socketpair", type, result);
        return new Pair(
                new UnixSocket(FileDescriptor.adopt(scratch.get(ValueLayout.JAVA_INT, 0), "unix socket of a pair")),
                new UnixSocket(FileDescriptor.adopt(scratch.get(ValueLayout.JAVA_INT, Integer.BYTES),
                        "unix socket of a pair")));
    }

    /**
     * Connects to {@code address}, waiting for room in the listener's queue.
     *
     * @param nonBlocking whether calls on the connected socket return {@code EAGAIN} instead of waiting
     * @throws HostException {@code ENOENT} or {@code ECONNREFUSED} if nobody listens there
     */
    public static UnixSocket connect(UnixAddress address, SocketType type, boolean nonBlocking) {
        var socket = new UnixSocket(open(type, false, "unix socket to " + address));
        try {
            MemorySegment name = address.toScratch();
            int result;
            do {
                result = SocketCalls.connect(socket.descriptor.value(), name, address.length());
            } while (result == -Errno.EINTR);
            if (result < 0) {
                throw Errno.failure("connect", socket.descriptor, result);
            }
            if (nonBlocking) {
                socket.setNonBlocking(true);
            }
            return socket;
        } catch (RuntimeException | Error failure) {
            socket.close();
            throw failure;
        }
    }

    /** A datagram socket that receives at {@code address}. */
    public static UnixSocket datagram(UnixAddress address, boolean nonBlocking) {
        FileDescriptor descriptor = open(SocketType.DATAGRAM, nonBlocking, "unix socket " + address);
        try {
            UnixListener.bind(descriptor, address);
            return new UnixSocket(descriptor);
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    /**
     * Sends from now on to {@code address}, and receives from there only: for a datagram socket that has an address of its
     * own.
     *
     * @throws HostException {@code ENOENT} or {@code ECONNREFUSED} if nobody receives there
     */
    public void connectTo(UnixAddress address) {
        MemorySegment name = address.toScratch();
        int result = SocketCalls.connect(descriptor.value(), name, address.length());
        if (result < 0) {
            throw Errno.failure("connect to " + address, descriptor, result);
        }
    }

    static FileDescriptor open(SocketType type, boolean nonBlocking, String description) {
        NativeAccess.require();
        int result = SocketCalls.socket(LinuxHeaders.AF_UNIX(), flags(type, nonBlocking), 0);
        return FileDescriptor.adopt(Errno.check("socket", description, result), description);
    }

    private static int flags(SocketType type, boolean nonBlocking) {
        return type.value() | LinuxHeaders.SOCK_CLOEXEC() | (nonBlocking ? LinuxHeaders.SOCK_NONBLOCK() : 0);
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** Receives into {@code [offset, offset + length)} of {@code buffer}: bytes, 0 at the end, or errno negated. */
    public long receive(MemorySegment buffer, long offset, long length) {
        return FileIo.read(descriptor, buffer, offset, length);
    }

    /**
     * Sends {@code [offset, offset + length)} of {@code buffer}: bytes sent, or errno negated. A peer that is gone is
     * {@code EPIPE}, without a signal: the JVM ignores SIGPIPE.
     */
    public long send(MemorySegment buffer, long offset, long length) {
        return FileIo.write(descriptor, buffer, offset, length);
    }

    /** Ends one half of the connection, or both. */
    public void shutdown(Half half) {
        int how = switch (half) {
            case READ -> LinuxHeaders.SHUT_RD();
            case WRITE -> LinuxHeaders.SHUT_WR();
            case BOTH -> LinuxHeaders.SHUT_RDWR();
        };
        int result = SocketCalls.shutdown(descriptor.value(), how);
        if (result < 0) {
            throw Errno.failure("shutdown " + half, descriptor, result);
        }
    }

    /** Whether calls return {@code EAGAIN} instead of waiting, from now on. */
    public void setNonBlocking(boolean nonBlocking) {
        int flags = Errno.check("fcntl F_GETFL", descriptor,
                FileCalls.fcntl(descriptor.value(), LinuxHeaders.F_GETFL(), 0));
        int changed = nonBlocking ? flags | LinuxHeaders.O_NONBLOCK() : flags & ~LinuxHeaders.O_NONBLOCK();
        Errno.check("fcntl F_SETFL", descriptor,
                FileCalls.fcntl(descriptor.value(), LinuxHeaders.F_SETFL(), changed));
    }

    /**
     * How many bytes of sent messages may wait to be received. The kernel doubles the number for its own use, and cuts it
     * to {@code net.core.wmem_max}.
     */
    public void setSendBuffer(int bytes) {
        setOption("SO_SNDBUF", LinuxHeaders.SO_SNDBUF(), bytes);
    }

    /** Bytes of the send buffer, the kernel's own use included. */
    public int sendBuffer() {
        MemorySegment scratch = option("SO_SNDBUF", LinuxHeaders.SO_SNDBUF(), Integer.BYTES);
        return scratch.get(ValueLayout.JAVA_INT, 0);
    }

    /** The pending error of the socket, as a positive error number, which is cleared; 0 if there is none. */
    public int takeError() {
        return option("SO_ERROR", LinuxHeaders.SO_ERROR(), Integer.BYTES).get(ValueLayout.JAVA_INT, 0);
    }

    /** Who is at the other end of a connection or pair. */
    public Peer peer() {
        MemorySegment credentials = option("SO_PEERCRED", LinuxHeaders.SO_PEERCRED(), (int) ucred.sizeof());
        return new Peer(ucred.pid(credentials), ucred.uid(credentials), ucred.gid(credentials));
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return descriptor.toString();
    }

    private void setOption(String name, int option, int value) {
        MemorySegment scratch = CallState.current().scratch();
        scratch.set(ValueLayout.JAVA_INT, 0, value);
        Errno.check("setsockopt " + name, descriptor, SocketCalls.setsockopt(descriptor.value(),
                LinuxHeaders.SOL_SOCKET(), option, scratch, Integer.BYTES));
    }

    private MemorySegment option(String name, int option, int size) {
        MemorySegment scratch = CallState.current().scratch();
        MemorySegment length = scratch.asSlice(64, Integer.BYTES);
        length.set(ValueLayout.JAVA_INT, 0, size);
        Errno.check("getsockopt " + name, descriptor, SocketCalls.getsockopt(descriptor.value(),
                LinuxHeaders.SOL_SOCKET(), option, scratch, length));
        return scratch;
    }
}
