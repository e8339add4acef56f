package dev.vz.virtio.vhost;

import dev.vz.error.HostException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.socket.UnixSocket;
import org.jspecify.annotations.Nullable;

/**
 * An eventfd of the front end that is signalled from here. It may be replaced while a queue works; whatever else the front
 * end passed off as an eventfd is dropped when it fails. Thread-safe.
 */
final class CallLine {

    private @Nullable EventFd event;

    /** Signals {@code descriptor} from now on, and closes it in the end; {@code null} for nothing. */
    synchronized void replace(@Nullable FileDescriptor descriptor) {
        EventFd before = event;
        event = descriptor == null ? null : EventFd.adopt(nonBlocking(descriptor));
        if (before != null) {
            before.close();
        }
    }

    /** A full counter of a descriptor that waits would keep the queue's thread: it is made not to wait. */
    static FileDescriptor nonBlocking(FileDescriptor descriptor) {
        // The flag is one of every open file; the socket's accessor is the one that sets it.
        UnixSocket.adopt(descriptor).setNonBlocking(true);
        return descriptor;
    }

    synchronized void signal() {
        EventFd to = event;
        if (to != null) {
            try {
                to.signal();
            } catch (HostException noEvent) {
                event = null;
                to.close();
            }
        }
    }
}
