package dev.vz.virtio.vhost;

import dev.vz.error.ConfigurationException;
import dev.vz.error.VzException;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixListener;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.VirtioDevice;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Serves a device on a Unix socket to other virtual machine monitors, one at a time: a front end that goes, or breaks the
 * protocol, makes room for the next. Queues are spread over a few threads, each of which waits for kicks when it has no
 * work. Any thread may close it.
 */
public final class VhostUserServer implements AutoCloseable {

    private static final Logger LOG = System.getLogger(VhostUserServer.class.getName());
    private static final int NETWORK = 1;
    private static final long SECOND = 1_000_000_000L;
    /** Milliseconds that a session has to end by itself. */
    private static final long PATIENCE = 1000;

    /**
     * How a device is served.
     *
     * @param threads   that work on queues, 1 to 64
     * @param pollNanos for how many nanoseconds after its last chain a queue is looked at again and again before its thread
     *                  sleeps; 0 not at all
     */
    public record Options(int threads, long pollNanos) {
        /** Checks the numbers. */
        public Options {
            if (threads < 1 || threads > 64 || pollNanos < 0) {
                throw new ConfigurationException("A vhost-user server has 1 to 64 threads and does not poll for less"
                        + " than 0 ns, got " + threads + " and " + pollNanos);
            }
        }

        /** One thread, which polls for 50 microseconds. */
        public static Options standard() {
            return new Options(1, 50_000);
        }
    }

    private final GuestMemory memory = GuestMemory.of();
    private final DeviceHost host;
    private final QueueLoop[] loops;
    private final UnixListener listener;
    private final Thread thread;
    private @Nullable UnixSocket current;
    private long warned = System.nanoTime() - 2 * SECOND;
    private volatile boolean closed;

    private VhostUserServer(Function<GuestMemory, VirtioDevice<?>> maker, UnixAddress address, Options options) {
        listener = UnixListener.listen(address, SocketType.STREAM, 16, false);
        loops = new QueueLoop[options.threads()];
        for (int i = 0; i < loops.length; i++) {
            loops[i] = new QueueLoop("vhost-user queues " + i + " of " + address, options.pollNanos());
        }
        host = new DeviceHost(maker.apply(memory), memory, queue -> loops[queue % loops.length].worker());
        thread = Thread.ofPlatform().daemon().name("vhost-user " + address).unstarted(this::serve);
        thread.start();
    }

    /** Serves {@code device}, which it owns, at {@code address}, whose file must not exist yet. */
    public static VhostUserServer serve(VirtioDevice<?> device, UnixAddress address, Options options) {
        return new VhostUserServer(memory -> device, address, options);
    }

    /** The same for a device that is made with the front end's memory. */
    public static VhostUserServer serveWithMemory(Function<GuestMemory, VirtioDevice<?>> maker, UnixAddress address,
            Options options) {
        return new VhostUserServer(maker, address, options);
    }

    /** Where it listens. */
    public UnixAddress address() {
        return listener.address();
    }

    QueueLoop loop(int queue) {
        return loops[queue % loops.length];
    }

    /** What GET_QUEUE_NUM answers: queues, and pairs of them for a network card. */
    int queueNumber() {
        return host.device().type() == NETWORK ? host.queues() / 2 : host.queues();
    }

    private void serve() {
        while (!closed) {
            UnixSocket socket;
            try {
                socket = listener.accept(false);
            } catch (VzException failure) {
                if (!closed) {
                    LOG.log(Level.ERROR, listener + " cannot accept front ends any more", failure);
                }
                return;
            }
            if (socket != null && begin(socket)) {
                try (var session = new Session(this, host, memory, socket)) {
                    session.run();
                } catch (VzException failure) {
                    if (!closed) {
                        // Aloud once a second at the most: whoever comes again and again does not fill the host's log.
                        long now = System.nanoTime();
                        LOG.log(now - warned > SECOND ? Level.WARNING : Level.DEBUG,
                                "The front end at {0} is cut off: {1}", address(), failure.getMessage());
                        warned = now - warned > SECOND ? now : warned;
                    }
                } finally {
                    end();
                }
            }
        }
    }

    private synchronized boolean begin(UnixSocket socket) {
        if (closed) {
            socket.close();
            return false;
        }
        current = socket;
        return true;
    }

    private synchronized void end() {
        current = null;
    }

    /** A front end that does not take its answers is not waited for. */
    private synchronized void cutOffAltogether() {
        UnixSocket open = current;
        if (open != null) {
            cutOff(open, UnixSocket.Half.BOTH);
        }
    }

    private static void cutOff(UnixSocket open, UnixSocket.Half half) {
        try {
            open.shutdown(half);
        } catch (VzException gone) {
            // Its session was just ending by itself.
            LOG.log(Level.DEBUG, "The front end was gone already", gone);
        }
    }

    /**
     * Stops listening, lets the queues rest, cuts the front end off, closes the device. Idempotent.
     *
     * <p>
     * In that order: a front end that connects again finds nobody, rather than one who does not answer any more; and it
     * still hears the interrupts for what the queues have given back.
     */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            listener.refuse();
            UnixSocket open = current;
            if (open != null) {
                cutOff(open, UnixSocket.Half.READ);
            }
        }
        boolean interrupted = false;
        for (boolean patient = true; thread.isAlive(); patient = false) {
            try {
                thread.join(patient ? PATIENCE : 0);
            } catch (InterruptedException later) {
                interrupted = true;
            }
            if (patient) {
                cutOffAltogether();
            }
        }
        listener.close();
        host.close();
        for (QueueLoop loop : loops) {
            loop.close();
        }
        memory.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return host.device().name() + " at " + address();
    }
}
