package dev.vz.linux.network;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.call.CallState;
import dev.vz.linux.call.SocketCalls;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Tells that addresses, routes or routing rules of a network namespace have changed, so that an answer that depends on them
 * can be kept until then: the notifications of rtnetlink(7). What has changed it does not tell.
 *
 * <p>
 * Takes no privilege. One thread at a time calls {@link #take}.
 */
public final class RoutingChanges implements AutoCloseable {

    private static final int AF_NETLINK = 16;
    private static final int SOCK_RAW = 3;
    private static final int NETLINK_ROUTE = 0;
    private static final int SOCKADDR_SIZE = 12;
    private static final int NL_GROUPS = 8;
    /** RTNLGRP_IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE and IPV6_RULE, each the bit below its number. */
    private static final int GROUPS = 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 18;
    /** A flood of changes is left for the next time. */
    private static final int TAKEN_AT_A_TIME = 256;

    private final FileDescriptor descriptor;

    private RoutingChanges(FileDescriptor descriptor) {
        this.descriptor = descriptor;
    }

    /**
     * Watches the network namespace of the calling thread from now on.
     *
     * @throws HostException {@code EMFILE} without descriptors, {@code EAFNOSUPPORT} or {@code EPERM} where netlink is closed
     */
    public static RoutingChanges watch() {
        NativeAccess.require();
        int type = SOCK_RAW | LinuxHeaders.SOCK_CLOEXEC() | LinuxHeaders.SOCK_NONBLOCK();
        int socket = Errno.check("socket AF_NETLINK", "notifications of routing",
                SocketCalls.socket(AF_NETLINK, type, NETLINK_ROUTE));
        FileDescriptor descriptor = FileDescriptor.adopt(socket, "notifications of routing");
        try {
            MemorySegment name = CallState.current().scratch().asSlice(0, SOCKADDR_SIZE).fill((byte) 0);
            name.set(ValueLayout.JAVA_SHORT, 0, (short) AF_NETLINK);
            name.set(ValueLayout.JAVA_INT, NL_GROUPS, GROUPS);
            Errno.check("bind", descriptor, SocketCalls.bind(socket, name, SOCKADDR_SIZE));
            return new RoutingChanges(descriptor);
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    /** Readable when something has changed; it stays this object's. */
    public FileDescriptor descriptor() {
        return descriptor;
    }

    /**
     * Takes what has been notified; whether anything was. More than the kernel could keep counts as a change, too.
     *
     * @throws HostException if the notifications have ended
     */
    public boolean take() {
        long scratch = CallState.current().scratchAddress();
        boolean changed = false;
        for (int i = 0; i < TAKEN_AT_A_TIME; i++) {
            // Its first byte will do: the rest of the message goes with it.
            long result = SocketCalls.recvfrom(descriptor.value(), scratch, 1, 0, 0, 0);
            if (result == -Errno.EAGAIN) {
                break;
            }
            if (result < 0 && result != -Errno.ENOBUFS && result != -Errno.EINTR) {
                throw Errno.failure("recvfrom", descriptor, result);
            }
            changed = true;
        }
        return changed;
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
