package dev.vz.net.port;

import dev.vz.error.HostException;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixListener;
import dev.vz.linux.socket.UnixSocket;
import java.util.function.Consumer;

/**
 * A unix socket that turns every connection into a {@link StreamPort}, for as many guests as come: {@code qemu -netdev
 * stream,id=n,addr.type=unix,addr.path=...}. Closing ends the listening only; the ports belong to whoever was given them.
 */
public final class StreamPortListener implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(StreamPortListener.class.getName());
    private static final int BACKLOG = 16;

    private final UnixListener listener;
    private final EpollLoop.Registration registration;

    /**
     * Listens at {@code address}.
     *
     * @param mtu   of the ports
     * @param ports is given each new port, on the loop's thread
     */
    public StreamPortListener(UnixAddress address, int mtu, EpollLoop loop, Consumer<StreamPort> ports) {
        PortLimits.mtu(mtu);
        listener = UnixListener.listen(address, SocketType.STREAM, BACKLOG, true);
        try {
            registration = loop.register(listener.descriptor(), Readiness.IN,
                    (ready, readiness) -> accept(mtu, loop, ports));
        } catch (RuntimeException | Error failure) {
            listener.close();
            throw failure;
        }
    }

    private void accept(int mtu, EpollLoop loop, Consumer<StreamPort> ports) {
        try {
            UnixSocket socket = listener.accept(true);
            if (socket != null) {
                ports.accept(StreamPort.on(socket.descriptor(), mtu, loop));
            }
        } catch (HostException failure) {
            // Out of descriptors: the guests that are connected go on, and this one is heard when there are some again.
            LOGGER.log(System.Logger.Level.WARNING, "No port for a connection to {0}: {1}", listener,
                    failure.getMessage());
        }
    }

    /** Where it listens. */
    public UnixAddress address() {
        return listener.address();
    }

    @Override
    public void close() {
        registration.cancel();
        listener.close();
    }
}
