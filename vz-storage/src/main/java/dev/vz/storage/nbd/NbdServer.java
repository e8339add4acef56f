package dev.vz.storage.nbd;

import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.linux.socket.SocketOptions;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixListener;
import dev.vz.linux.socket.UnixSocket;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Shows block devices to NBD clients, on Unix and TCP sockets.
 *
 * <p>
 * Connections are spread over a few event loops, each one thread. A loop submits requests to the devices itself: a device
 * whose {@code submit} blocks holds up that loop's other clients. Replies of many requests leave with one call. Serving
 * reads and writes allocates nothing in steady state, without TLS. All methods may be called from any thread.
 */
public final class NbdServer implements AutoCloseable {

    private static final int BACKLOG = 128;

    private final NbdServerOptions options;
    private final ConcurrentSkipListMap<String, NbdExport> exports = new ConcurrentSkipListMap<>();
    private final List<ServerLoop> loops = new ArrayList<>();
    /** For calls into devices that block: block status, resize. */
    private final ExecutorService blocking;
    private final List<AutoCloseable> listeners = new ArrayList<>();
    private final List<EpollLoop.Registration> accepting = new ArrayList<>();
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicInteger nextLoop = new AtomicInteger();
    private final AtomicLong reserved = new AtomicLong();
    private boolean full;
    private boolean closed;
    private volatile @Nullable Runnable whenLeft;

    /** A server that listens nowhere yet. */
    public NbdServer(NbdServerOptions options) {
        this.options = options;
        var counter = new AtomicInteger();
        blocking = Executors.newFixedThreadPool(4,
                task -> Thread.ofPlatform().name("vz-nbd-blocking-" + counter.getAndIncrement()).daemon()
                        .unstarted(task));
        try {
            for (int i = 0; i < options.loops(); i++) {
                loops.add(new ServerLoop("vz-nbd-" + i));
            }
        } catch (RuntimeException failure) {
            close();
            throw failure;
        }
    }

    NbdServerOptions options() {
        return options;
    }

    // Exports

    /** Shows one more device; takes the place of one with the same name. Clients that are connected keep what they have. */
    public void add(NbdExport export) {
        exports.put(export.name(), export);
    }

    /** Shows an export to new clients no more. */
    public void remove(String name) {
        exports.remove(name);
    }

    /** What is shown, by name. */
    public Collection<NbdExport> exports() {
        return List.copyOf(exports.values());
    }

    @Nullable
    NbdExport export(String name) {
        return exports.get(name);
    }

    /** Told when a client has chosen {@code export}; the place to refuse. */
    void chosen(NbdExport export) {
        if (!exports.containsValue(export)) {
            throw new LifecycleException("The export '" + export.name() + "' was removed meanwhile");
        }
    }

    // Listening

    /** Listens at a Unix socket, whose file is removed when the server closes. */
    public void listen(UnixAddress address) {
        UnixListener listener = UnixListener.listen(address, SocketType.STREAM, BACKLOG, true);
        accept(listener, listener.descriptor(), () -> {
            UnixSocket socket = listener.accept(true);
            return socket == null ? null : socket.descriptor();
        }, "at " + address);
    }

    /** Listens at a TCP port, 0 for a free one; returns the address that it got. */
    public InetSocketAddress listen(InetSocketAddress address) {
        InternetSocket listener = InternetSocket.listenAt(SocketName.of(address), BACKLOG);
        var bound = new SocketName();
        Errno.check("getsockname", listener, listener.localName(bound));
        var peer = new SocketName();
        accept(listener, listener.descriptor(), () -> {
            InternetSocket socket = listener.accept(peer);
            if (socket == null) {
                return null;
            }
            // A client that has left already is noticed by the first read.
            socket.setOption(InternetOption.TCP_NO_DELAY, 1);
            return socket.descriptor();
        }, "at " + bound);
        return bound.toInetSocketAddress();
    }

    /** Serves a client whose connection was made elsewhere; the descriptor is the server's from now on. */
    public void serve(FileDescriptor socket) {
        SocketOptions.setNonBlocking(socket, true);
        start(socket, socket.toString());
    }

    private interface Source {
        @Nullable
        FileDescriptor next();
    }

    private void accept(AutoCloseable listener, FileDescriptor descriptor, Source source, String where) {
        synchronized (listeners) {
            if (closed) {
                throw new LifecycleException("The NBD server is closed; it cannot listen " + where);
            }
            listeners.add(listener);
            accepting.add(loops.getFirst().epoll().register(descriptor, Readiness.IN, (registration, ready) -> {
                // One at a time: others wait in the kernel's queue, and the limit is looked at before each.
                FileDescriptor socket = source.next();
                if (socket != null) {
                    start(socket, "a client " + where);
                }
            }));
        }
    }

    private void start(FileDescriptor socket, String peer) {
        int now = connections.incrementAndGet();
        if (now >= options.maxConnections()) {
            pause();
        }
        ServerLoop loop = loops.get(Math.floorMod(nextLoop.getAndIncrement(), loops.size()));
        var connection = new ServerConnection(this, loop, new Channel.Plain(socket), peer);
        loop.execute(connection::open);
    }

    /** As many clients as may be are there: more wait in the kernel's queue. */
    private void pause() {
        synchronized (listeners) {
            if (!full && !closed && connections.get() >= options.maxConnections()) {
                full = true;
                accepting.forEach(registration -> registration.modify(0));
            }
        }
    }

    /** A client is gone. */
    void left(boolean wasServed) {
        connections.decrementAndGet();
        synchronized (listeners) {
            if (full && !closed && connections.get() < options.maxConnections()) {
                full = false;
                accepting.forEach(registration -> registration.modify(Readiness.IN));
            }
        }
        Runnable listener = whenLeft;
        if (wasServed && listener != null && connections.get() == 0) {
            listener.run();
        }
    }

    /** How many clients are connected. */
    public int connections() {
        return connections.get();
    }

    /** Runs {@code listener}, which must not block, whenever the last client has left after being served. */
    public void onLastClientLeft(@Nullable Runnable listener) {
        whenLeft = listener;
    }

    // For connections

    void execute(Runnable task) {
        blocking.execute(task);
    }

    boolean reserve(long bytes) {
        if (reserved.addAndGet(bytes) > options.maxRequestMemory()) {
            reserved.addAndGet(-bytes);
            return false;
        }
        return true;
    }

    void unreserve(long bytes) {
        reserved.addAndGet(-bytes);
    }

    /** Ends all connections, waits for the requests that devices have, and stops. Devices stay open. Idempotent. */
    @Override
    public void close() {
        synchronized (listeners) {
            if (closed) {
                return;
            }
            closed = true;
            accepting.forEach(EpollLoop.Registration::cancel);
        }
        VzException failure = null;
        for (AutoCloseable listener : listeners) {
            try {
                listener.close();
            } catch (VzException refused) {
                failure = refused;
            } catch (Exception impossible) {
                throw new IllegalStateException("listeners throw no checked exceptions", impossible);
            }
        }
        var idle = new CountDownLatch(loops.size());
        loops.forEach(loop -> loop.execute(() -> loop.shutDown(idle::countDown)));
        awaitAll(idle);
        blocking.shutdown();
        loops.forEach(ServerLoop::close);
        if (failure != null) {
            throw failure;
        }
    }

    private static void awaitAll(CountDownLatch idle) {
        boolean interrupted = false;
        while (true) {
            try {
                idle.await();
                break;
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return "NBD server with " + exports.keySet();
    }
}
