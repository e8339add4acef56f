package dev.vz.storage.nbd;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.event.TimerFd;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** One thread of a server with its connections: everything here runs on it, but {@link #finished} and {@link #execute}. */
final class ServerLoop implements AutoCloseable {

    private static final long SECOND = 1_000_000_000L;

    final PayloadBuffer.Pool buffers = new PayloadBuffer.Pool();
    private final EpollLoop epoll;
    private final EventFd completions = EventFd.nonBlocking();
    private final TimerFd timer = TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC);
    private final AtomicReference<@Nullable ServerRequest> finished = new AtomicReference<>();
    private final Set<ServerConnection> connections = new HashSet<>();
    /** Connections with replies to send at the end of the round. */
    private final List<ServerConnection> touched = new ArrayList<>();
    private @Nullable ServerRequest free;
    private boolean ticking;
    /** Requests that have not been recycled. */
    private int outstanding;
    private @Nullable Runnable whenIdle;

    ServerLoop(String name) {
        epoll = new EpollLoop(name);
        epoll.register(completions.descriptor(), Readiness.IN, (registration, readiness) -> drain());
        epoll.register(timer.descriptor(), Readiness.IN, (registration, readiness) -> tick());
        epoll.start();
    }

    EpollLoop epoll() {
        return epoll;
    }

    void execute(Runnable task) {
        epoll.execute(task);
    }

    void opened(ServerConnection connection) {
        connections.add(connection);
        if (!ticking) {
            ticking = true;
            timer.armAfter(SECOND, SECOND);
        }
    }

    void closed(ServerConnection connection) {
        connections.remove(connection);
    }

    private void tick() {
        timer.take();
        long now = System.nanoTime();
        boolean waiting = false;
        for (ServerConnection connection : List.copyOf(connections)) {
            waiting |= connection.stillNegotiating(now);
        }
        if (!waiting) {
            ticking = false;
            timer.disarm();
        }
    }

    ServerRequest take() {
        outstanding++;
        ServerRequest request = free;
        if (request == null) {
            return new ServerRequest(this);
        }
        free = request.next;
        request.next = null;
        return request;
    }

    void recycle(ServerRequest request) {
        PayloadBuffer payload = request.payload;
        if (payload != null) {
            buffers.give(payload);
        }
        ServerConnection connection = request.connection;
        request.reset();
        request.next = free;
        free = request;
        if (connection != null) {
            connection.ended(payload == null ? 0 : (int) payload.memory().byteSize());
        }
        outstanding--;
        signalIdle();
    }

    /** The device is done with {@code request}. Any thread may say so. */
    void finished(ServerRequest request) {
        if (epoll.isLoopThread()) {
            reply(request);
            return;
        }
        ServerRequest top;
        do {
            top = finished.get();
            request.next = top;
        } while (!finished.compareAndSet(top, request));
        if (top == null) {
            completions.signal(); // one signal for all that finish before the loop looks
        }
    }

    /** Closes all connections, and runs {@code task} when no device works for them any more. */
    void shutDown(Runnable task) {
        for (ServerConnection connection : List.copyOf(connections)) {
            connection.close(null);
        }
        whenIdle = task;
        signalIdle();
    }

    private void signalIdle() {
        Runnable task = whenIdle;
        if (task != null && outstanding == 0) {
            whenIdle = null;
            task.run();
        }
    }

    private void reply(ServerRequest request) {
        ServerConnection connection = request.connection;
        if (connection == null) {
            recycle(request);
        } else {
            connection.reply(request);
        }
    }

    private void drain() {
        completions.take();
        ServerRequest list = finished.getAndSet(null);
        // Pushed last came first: turn it round, so that replies go out in the order of completion.
        ServerRequest ordered = null;
        while (list != null) {
            ServerRequest following = list.next;
            list.next = ordered;
            ordered = list;
            list = following;
        }
        while (ordered != null) {
            ServerRequest request = ordered;
            ordered = request.next;
            request.next = null;
            ServerConnection connection = request.connection;
            reply(request);
            if (connection != null && !connection.touched) {
                connection.touched = true;
                touched.add(connection);
            }
        }
        for (int i = 0; i < touched.size(); i++) {
            ServerConnection connection = touched.get(i);
            connection.touched = false;
            connection.resume();
        }
        touched.clear();
    }

    @Override
    public void close() {
        epoll.close();
        completions.close();
        timer.close();
    }
}
