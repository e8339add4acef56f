package dev.vz.linux.socket;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;

/**
 * A TCP connection over IPv4 or IPv6, sending at once what it is given (TCP_NODELAY).
 *
 * <p>
 * Bytes move through {@link dev.vz.linux.file.FileIo} on {@link #descriptor()}. Any thread may call.
 */
public final class TcpSocket implements AutoCloseable {

    private final FileDescriptor descriptor;

    TcpSocket(FileDescriptor descriptor) {
        this.descriptor = descriptor;
        SocketOptions.setNoDelay(descriptor, true);
    }

    /**
     * Connects to {@code address} and waits until the connection stands.
     *
     * @param nonBlocking whether calls on the connected socket return {@code EAGAIN} instead of waiting
     * @throws HostException {@code ECONNREFUSED} if nobody listens there, {@code ETIMEDOUT} if nobody answers
     */
    public static TcpSocket connect(InetSocketAddress address, boolean nonBlocking) {
        FileDescriptor descriptor = open(address, false, "tcp socket to " + address);
        try {
            MemorySegment name = InternetAddress.toScratch(address);
            int result;
            do {
                result = SocketCalls.connect(descriptor.value(), name, (int) name.byteSize());
            } while (result == -Errno.EINTR);
            if (result < 0) {
                throw Errno.failure("connect", descriptor, result);
            }
            SocketOptions.setNonBlocking(descriptor, nonBlocking);
            return new TcpSocket(descriptor);
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    static FileDescriptor open(InetSocketAddress address, boolean nonBlocking, String description) {
        NativeAccess.require();
        int type = LinuxHeaders.SOCK_STREAM() | LinuxHeaders.SOCK_CLOEXEC()
                | (nonBlocking ? LinuxHeaders.SOCK_NONBLOCK() : 0);
        int result = SocketCalls.socket(InternetAddress.family(address), type, LinuxHeaders.IPPROTO_TCP());
        return FileDescriptor.adopt(Errno.check("socket", description, result), description);
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
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
