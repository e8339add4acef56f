package dev.vz.virtio.vhost;

import dev.vz.error.VzException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.socket.UnixSocket;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;

/** The channel for requests of the back end to the front end (SET_BACKEND_REQ_FD). Thread-safe. */
final class BackendChannel implements AutoCloseable {

    private static final Logger LOG = System.getLogger(BackendChannel.class.getName());

    private @Nullable MessageChannel channel;

    synchronized void use(FileDescriptor descriptor) {
        close();
        UnixSocket socket = UnixSocket.adopt(descriptor);
        // A front end that does not read would hold up whoever tells it something.
        socket.setNonBlocking(true);
        channel = new MessageChannel(socket);
    }

    /** The configuration space has changed. */
    synchronized void configChanged() {
        MessageChannel to = channel;
        if (to != null) {
            try {
                to.send(Protocol.BACKEND_CONFIG_CHANGE_MSG, Protocol.FLAG_VERSION, 0);
            } catch (VzException gone) {
                LOG.log(Level.DEBUG, "A vhost-user front end does not hear that its device's configuration changed",
                        gone);
                close();
            }
        }
    }

    @Override
    public synchronized void close() {
        MessageChannel old = channel;
        if (old != null) {
            channel = null;
            old.close();
        }
    }
}
