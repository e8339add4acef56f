package dev.vz.linux.socket;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import dev.vz.linux.generated.sockaddr_in6;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/** Waits for TCP connections at an address. Any thread may call. */
public final class TcpListener implements AutoCloseable {

    private final FileDescriptor descriptor;
    private final InetSocketAddress address;

    private TcpListener(FileDescriptor descriptor, InetSocketAddress address) {
        this.descriptor = descriptor;
        this.address = address;
    }

    /**
     * Listens at {@code address}; port 0 takes a free one.
     *
     * @param backlog     how many connections may wait to be accepted
     * @param nonBlocking whether {@link #accept} returns {@code null} instead of waiting
     * @throws HostException {@code EADDRINUSE} if somebody listens there
     */
    public static TcpListener listen(InetSocketAddress address, int backlog, boolean nonBlocking) {
        FileDescriptor descriptor = TcpSocket.open(address, nonBlocking, "tcp listener " + address);
        try {
            SocketOptions.set(descriptor, "SO_REUSEADDR", LinuxHeaders.SOL_SOCKET(), LinuxHeaders.SO_REUSEADDR(), 1);
            MemorySegment name = InternetAddress.toScratch(address);
            Errno.check("bind", descriptor, SocketCalls.bind(descriptor.value(), name, (int) name.byteSize()));
            Errno.check("listen", descriptor, SocketCalls.listen(descriptor.value(), backlog));
            return new TcpListener(descriptor, name(descriptor));
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    private static InetSocketAddress name(FileDescriptor descriptor) {
        MemorySegment scratch = CallState.current().scratch();
        MemorySegment length = scratch.asSlice(128, Integer.BYTES);
        length.set(ValueLayout.JAVA_INT, 0, (int) sockaddr_in6.sizeof());
        Errno.check("getsockname", descriptor, SocketCalls.getsockname(descriptor.value(), scratch, length));
        return InternetAddress.from(scratch);
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** Where it listens, with the port that it got. */
    public InetSocketAddress address() {
        return address;
    }

    /**
     * Takes the next connection.
     *
     * @param nonBlocking whether calls on the connection return {@code EAGAIN} instead of waiting
     * @return the connection, or {@code null} if none waits and this listener does not
     * @throws HostException if the listener is closed meanwhile, or the process has no more descriptors
     */
    public @Nullable TcpSocket accept(boolean nonBlocking) {
        int flags = LinuxHeaders.SOCK_CLOEXEC() | (nonBlocking ? LinuxHeaders.SOCK_NONBLOCK() : 0);
        int result;
        do {
            result = SocketCalls.accept4(descriptor.value(), 0, 0, flags);
        } while (result == -Errno.EINTR || result == -Errno.ECONNABORTED);
        if (result == -Errno.EAGAIN) {
            return null;
        }
        return new TcpSocket(FileDescriptor.adopt(Errno.check("accept", descriptor, result),
                "tcp socket from " + address));
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return descriptor.toString();
    }
}
