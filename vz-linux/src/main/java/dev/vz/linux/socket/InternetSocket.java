package dev.vz.linux.socket;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.msghdr;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A non-blocking socket of IPv4 or IPv6, close to the kernel: what java.net does not offer (peeking at an offset, error
 * queues, echo sockets) and nothing else.
 *
 * <p>
 * Methods that return a number return what the system call did, or errno negated, and allocate nothing. Closed on exec.
 * One thread at a time uses a socket; any thread may close it.
 */
public final class InternetSocket implements AutoCloseable {

    /** What a socket speaks. */
    public enum Protocol {
        /** A stream. */
        TCP,
        /** Datagrams. */
        UDP,
        /** ICMP echo requests without privileges, if {@code net.ipv4.ping_group_range} says so. */
        ECHO,
        /** ICMP as it is on the wire; takes CAP_NET_RAW. With IPv4, what is received starts with the IP header. */
        RAW_ICMP,
        /** A stream within this host (a Unix socket), for services of the process itself. */
        LOCAL
    }

    private static final int IPPROTO_ICMP = 1;
    private static final int IPPROTO_ICMPV6 = 58;
    private static final int SO_LINGER = 13;
    private static final int SO_MEMINFO = 55;
    private static final int MEMINFO_SNDBUF = 3;
    private static final int MEMINFO_WMEM_QUEUED = 5;

    private final FileDescriptor descriptor;
    private final Protocol protocol;
    private final boolean version6;

    private InternetSocket(FileDescriptor descriptor, Protocol protocol, boolean version6) {
        this.descriptor = descriptor;
        this.protocol = protocol;
        this.version6 = version6;
    }

    /**
     * Opens a socket.
     *
     * @throws HostException {@code EMFILE} without descriptors, {@code EACCES} or {@code EPERM} where the protocol takes a
     *                       privilege, {@code EAFNOSUPPORT} on a host without IPv6
     */
    public static InternetSocket open(Protocol protocol, boolean version6) {
        NativeAccess.require();
        int type = switch (protocol) {
            case TCP, LOCAL -> LinuxHeaders.SOCK_STREAM();
            case UDP, ECHO -> LinuxHeaders.SOCK_DGRAM();
            case RAW_ICMP -> 3;
        };
        int number = switch (protocol) {
            case TCP, UDP, LOCAL -> 0;
            case ECHO, RAW_ICMP -> version6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
        };
        int family = protocol == Protocol.LOCAL ? LinuxHeaders.AF_UNIX()
                : version6 ? SocketName.AF_INET6 : SocketName.AF_INET;
        int result = SocketCalls.socket(family, type | LinuxHeaders.SOCK_CLOEXEC() | LinuxHeaders.SOCK_NONBLOCK(),
                number);
        if (result < 0) {
            throw Errno.failure("socket", protocol + (version6 ? " over IPv6" : " over IPv4"), result);
        }
        return new InternetSocket(FileDescriptor.adopt(result, protocol.name()), protocol, version6);
    }

    /**
     * Opens a TCP socket that listens at {@code address}; port 0 takes a free one, which {@link #localName} tells.
     *
     * @param backlog how many connections may wait to be accepted
     * @throws HostException {@code EADDRINUSE} if somebody listens there, {@code EADDRNOTAVAIL} if the host lacks the address
     */
    public static InternetSocket listenAt(SocketName address, int backlog) {
        InternetSocket socket = open(Protocol.TCP, !address.isIpv4());
        try {
            socket.check("setsockopt SO_REUSEADDR", socket.setOption(InternetOption.REUSE_ADDRESS, 1), address);
            socket.check("bind", socket.bind(address), address);
            socket.check("listen", socket.listen(backlog), address);
            return socket;
        } catch (RuntimeException | Error failure) {
            socket.close();
            throw failure;
        }
    }

    /**
     * Connects a TCP socket and waits until the connection stands; it sends small pieces at once.
     *
     * @param blocking whether calls on the connected socket wait for the other side
     * @throws HostException {@code ECONNREFUSED} if nobody listens there, {@code ETIMEDOUT} if nobody answers
     */
    public static InternetSocket connectTo(SocketName address, boolean blocking) {
        InternetSocket socket = open(Protocol.TCP, !address.isIpv4());
        try {
            SocketOptions.setNonBlocking(socket.descriptor, false);
            int result;
            do {
                result = socket.connect(address);
            } while (result == -Errno.EINTR);
            socket.check("connect", result, address);
            SocketOptions.setNonBlocking(socket.descriptor, !blocking);
            socket.check("setsockopt TCP_NODELAY", socket.setOption(InternetOption.TCP_NO_DELAY, 1), address);
            return socket;
        } catch (RuntimeException | Error failure) {
            socket.close();
            throw failure;
        }
    }

    private void check(String call, int result, SocketName address) {
        if (result < 0) {
            throw Errno.failure(call, descriptor + ", address " + address, result);
        }
    }

    /** Takes over a connected Unix stream socket, non-blocking. */
    public static InternetSocket adoptLocal(FileDescriptor socket) {
        return new InternetSocket(socket, Protocol.LOCAL, false);
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** What it speaks. */
    public Protocol protocol() {
        return protocol;
    }

    /** Whether it is one of IPv6. */
    public boolean isVersion6() {
        return version6;
    }

    /** bind(2). */
    public int bind(SocketName name) {
        return keep(name, SocketCalls.bind(descriptor.value(), MemorySegment.ofAddress(name.address()), name.length()));
    }

    /** connect(2); {@code EINPROGRESS} for TCP. */
    public int connect(SocketName name) {
        return keep(name,
                SocketCalls.connect(descriptor.value(), MemorySegment.ofAddress(name.address()), name.length()));
    }

    /** Ends the connection of a datagram socket, and with it the source address that connecting chose: connect(2). */
    public int disconnect() {
        MemorySegment scratch = CallState.current().scratch();
        scratch.asSlice(0, SocketName.IPV4_SIZE).fill((byte) 0); // AF_UNSPEC
        return SocketCalls.connect(descriptor.value(), scratch, SocketName.IPV4_SIZE);
    }

    /** listen(2). */
    public int listen(int backlog) {
        return SocketCalls.listen(descriptor.value(), backlog);
    }

    /**
     * Accepts a connection; {@code null} if none waits.
     *
     * @param peer receives who it is from
     * @throws HostException {@code EMFILE} without descriptors
     */
    public @Nullable InternetSocket accept(SocketName peer) {
        int result = keep(peer, SocketCalls.accept4(descriptor.value(), peer.address(), peer.lengthForKernel(),
                LinuxHeaders.SOCK_CLOEXEC() | LinuxHeaders.SOCK_NONBLOCK()));
        if (result == -Errno.EMFILE || result == -Errno.ENFILE || result == -Errno.ENOMEM
                || result == -Errno.ENOBUFS) {
            throw Errno.failure("accept4", descriptor, result);
        }
        // Everything else is about the connection that was to be accepted: it has ended meanwhile.
        return result < 0 ? null
                : new InternetSocket(FileDescriptor.adopt(result, protocol.name()), protocol, version6);
    }

    /** Where the socket is bound. */
    public int localName(SocketName name) {
        return keep(name, SocketCalls.getsockname(descriptor.value(), name.address(), name.lengthForKernel()));
    }

    /** Whom it is connected to. */
    public int peerName(SocketName name) {
        return keep(name, SocketCalls.getpeername(descriptor.value(), name.address(), name.lengthForKernel()));
    }

    /** Receives into native memory. */
    public long receive(MemorySegment buffer, long offset, long length) {
        return receive(buffer, offset, length, 0);
    }

    /** Receives without taking, from {@link InternetOption#PEEK_OFFSET} on, which moves along. */
    public long peek(MemorySegment buffer, long offset, long length) {
        return receive(buffer, offset, length, LinuxHeaders.MSG_PEEK());
    }

    /**
     * Receives without taking what lies behind the first {@code skip} bytes of the queue, on kernels that cannot peek at
     * an offset: the bytes before it are copied to {@code waste}, and copied again the next time.
     *
     * @return bytes received, 0 at the end of the stream, or errno negated; {@code EAGAIN} if nothing lies behind
     */
    public long peekBehind(MemorySegment waste, long skip, MemorySegment buffer, long offset, long length) {
        Objects.checkFromIndexSize(0, skip, waste.byteSize());
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        MemorySegment scratch = CallState.current().scratch();
        long vectors = msghdr.sizeof();
        scratch.asSlice(0, vectors).fill((byte) 0);
        scratch.set(ValueLayout.JAVA_LONG, vectors, waste.address());
        scratch.set(ValueLayout.JAVA_LONG, vectors + 8, skip);
        scratch.set(ValueLayout.JAVA_LONG, vectors + 16, buffer.address() + offset);
        scratch.set(ValueLayout.JAVA_LONG, vectors + 24, length);
        scratch.set(ValueLayout.JAVA_LONG, msghdr.msg_iov$offset(), scratch.address() + vectors);
        scratch.set(ValueLayout.JAVA_LONG, msghdr.msg_iovlen$offset(), 2);
        try {
            long result = SocketCalls.recvmsg(descriptor.value(), scratch.address(), LinuxHeaders.MSG_PEEK());
            if (result <= 0 || result > skip) {
                return Math.max(result - skip, result < 0 ? result : 0);
            }
            return -Errno.EAGAIN;
        } finally {
            Reference.reachabilityFence(waste);
            Reference.reachabilityFence(buffer);
        }
    }

    private long receive(MemorySegment buffer, long offset, long length, int flags) {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        try {
            return SocketCalls.recvfrom(descriptor.value(), buffer.address() + offset, length, flags, 0, 0);
        } finally {
            Reference.reachabilityFence(buffer);
        }
    }

    /** Takes up to {@code length} bytes off a TCP stream without looking at them: tcp(7), {@code MSG_TRUNC}. */
    public long discard(long length) {
        return SocketCalls.recvfrom(descriptor.value(), 0, length, LinuxHeaders.MSG_TRUNC(), 0, 0);
    }

    /** Receives one datagram and its sender. */
    public long receiveFrom(MemorySegment buffer, long offset, long length, SocketName sender) {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        try {
            return keep(sender, SocketCalls.recvfrom(descriptor.value(), buffer.address() + offset, length, 0,
                    sender.address(), sender.lengthForKernel()));
        } finally {
            Reference.reachabilityFence(buffer);
        }
    }

    /** Sends from native memory to the peer. */
    public long send(MemorySegment buffer, long offset, long length) {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        try {
            return SocketCalls.sendto(descriptor.value(), buffer.address() + offset, length,
                    LinuxHeaders.MSG_NOSIGNAL(), 0, 0);
        } finally {
            Reference.reachabilityFence(buffer);
        }
    }

    /** Sends one datagram to {@code receiver}. */
    public long sendTo(MemorySegment buffer, long offset, long length, SocketName receiver) {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        try {
            return keep(receiver, SocketCalls.sendto(descriptor.value(), buffer.address() + offset, length,
                    LinuxHeaders.MSG_NOSIGNAL(), receiver.address(), receiver.length()));
        } finally {
            Reference.reachabilityFence(buffer);
        }
    }

    /** Says that nothing more will be sent. */
    public int shutdownOutput() {
        return SocketCalls.shutdown(descriptor.value(), LinuxHeaders.SHUT_WR());
    }

    /** setsockopt(2). */
    public int setOption(InternetOption option, int value) {
        MemorySegment scratch = CallState.current().scratch();
        scratch.set(ValueLayout.JAVA_INT, 0, value);
        return SocketCalls.setsockopt(descriptor.value(), option.level(), option.option(), scratch, Integer.BYTES);
    }

    /** getsockopt(2): a value that is not negative, or errno negated. */
    public int option(InternetOption option) {
        return option(option.level(), option.option(), Integer.BYTES, 0);
    }

    private int option(int level, int option, int size, long at) {
        MemorySegment scratch = CallState.current().scratch();
        scratch.set(ValueLayout.JAVA_INT, 128, size);
        int result = SocketCalls.getsockopt(descriptor.value(), level, option, scratch,
                MemorySegment.ofAddress(scratch.address() + 128));
        return result < 0 ? result : scratch.get(ValueLayout.JAVA_INT, at);
    }

    /** Bytes of the send buffer that nothing occupies, the kernel's own overhead counted as occupied; may be negative. */
    public int sendSpace() {
        int buffer = option(LinuxHeaders.SOL_SOCKET(), SO_MEMINFO, 36, 4L * MEMINFO_SNDBUF);
        if (buffer < 0) {
            return 0;
        }
        return buffer - CallState.current().scratch().get(ValueLayout.JAVA_INT, 4L * MEMINFO_WMEM_QUEUED);
    }

    /** Lets {@link #close} reset the connection instead of ending it in order. */
    public int resetOnClose() {
        MemorySegment scratch = CallState.current().scratch();
        scratch.set(ValueLayout.JAVA_INT, 0, 1);
        scratch.set(ValueLayout.JAVA_INT, 4, 0);
        return SocketCalls.setsockopt(descriptor.value(), LinuxHeaders.SOL_SOCKET(), SO_LINGER, scratch, 8);
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return descriptor.toString();
    }

    private static int keep(SocketName name, int result) {
        try {
            return result;
        } finally {
            Reference.reachabilityFence(name); // the call read or filled what it stands for
        }
    }

    private static long keep(SocketName name, long result) {
        try {
            return result;
        } finally {
            Reference.reachabilityFence(name); // the call read or filled what it stands for
        }
    }
}
