package dev.vz.linux.socket;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Waits for connections at a {@link UnixAddress}. Closing removes the socket's file. Any thread may call.
 */
public final class UnixListener implements AutoCloseable {

    private final FileDescriptor descriptor;
    private final UnixAddress address;

    private UnixListener(FileDescriptor descriptor, UnixAddress address) {
        this.descriptor = descriptor;
        this.address = address;
    }

    /**
     * Listens at {@code address}, whose file must not exist yet.
     *
     * @param type        {@link SocketType#STREAM} or {@link SocketType#SEQUENCED_PACKET}
     * @param backlog     how many connections may wait to be accepted
     * @param nonBlocking whether {@link #accept} returns {@code null} instead of waiting
     */
    public static UnixListener listen(UnixAddress address, SocketType type, int backlog, boolean nonBlocking) {
        FileDescriptor descriptor = UnixSocket.open(type, nonBlocking, "unix listener " + address);
        try {
            bind(descriptor, address);
            Errno.check("listen", descriptor, SocketCalls.listen(descriptor.value(), backlog));
            return new UnixListener(descriptor, address);
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    static void bind(FileDescriptor descriptor, UnixAddress address) {
        MemorySegment name = address.toScratch();
        int result = SocketCalls.bind(descriptor.value(), name, address.length());
        if (result == -Errno.EADDRINUSE) {
            throw new HostException("bind", descriptor.toString(), Errno.EADDRINUSE, "EADDRINUSE",
                    "somebody listens there, or an earlier run left the file: remove " + address);
        }
        Errno.check("bind", descriptor, result);
    }

    /** The descriptor, which stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /** Where it listens. */
    public UnixAddress address() {
        return address;
    }

    /**
     * Takes the next connection.
     *
     * @param nonBlocking whether calls on the connection return {@code EAGAIN} instead of waiting
     * @return the connection, or {@code null} if none waits and this listener does not
     * @throws HostException if the listener is closed meanwhile, or the process has no more descriptors
     */
    public @Nullable UnixSocket accept(boolean nonBlocking) {
        int flags = LinuxHeaders.SOCK_CLOEXEC() | (nonBlocking ? LinuxHeaders.SOCK_NONBLOCK() : 0);
        int result;
        do {
            result = SocketCalls.accept4(descriptor.value(), 0, 0, flags);
        } while (result == -Errno.EINTR || result == -Errno.ECONNABORTED);
        if (result == -Errno.EAGAIN) {
            return null;
        }
        return UnixSocket.adopt(FileDescriptor.adopt(Errno.check("accept", descriptor, result),
                "unix socket from " + address));
    }

    /**
     * Refuses connections from now on, with {@code ECONNREFUSED}; {@link #accept} fails, also on a thread that is waiting
     * in it. Connections that waited to be accepted end when this is closed.
     */
    public void refuse() {
        Errno.check("shutdown", descriptor, SocketCalls.shutdown(descriptor.value(), LinuxHeaders.SHUT_RDWR()));
    }

    @Override
    public void close() {
        if (!descriptor.isOpen()) {
            return;
        }
        try {
            if (!address.isAbstract()) {
                Files.deleteIfExists(Path.of(address.name()));
            }
        } catch (IOException failure) {
            throw new HostException("removing the socket's file", address.toString(), failure);
        } finally {
            descriptor.close();
        }
    }

    @Override
    public String toString() {
        return descriptor.toString();
    }
}
