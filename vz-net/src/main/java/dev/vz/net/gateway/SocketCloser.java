package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.thread.ThreadEnd;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Closes sockets on a thread of its own, which exists from the first of them on. The end of a connection is worked on by whoever
 * closes it, up to the process at its other end: a fifth of all that a short connection takes.
 */
final class SocketCloser implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(Gateway.class.getName());
    private static final int LARGEST = 1024;

    private final String name;
    private final Object lock = new Object();
    private final ArrayDeque<InternetSocket> waiting = new ArrayDeque<>();
    private @Nullable Thread thread;
    private boolean ended;

    SocketCloser(String name) {
        this.name = name;
    }

    /** Takes all {@code sockets}, or none if too many wait already; whether it took them. */
    boolean take(ArrayDeque<InternetSocket> sockets) {
        synchronized (lock) {
            if (ended || waiting.size() + sockets.size() > LARGEST) {
                return false;
            }
            for (InternetSocket socket = sockets.poll(); socket != null; socket = sockets.poll()) {
                waiting.add(socket);
            }
            if (thread == null) {
                thread = Thread.ofPlatform().daemon().name(name).start(this::run);
            }
            lock.notifyAll();
            return true;
        }
    }

    private void run() {
        for (InternetSocket socket = await(); socket != null; socket = await()) {
            close(socket);
        }
    }

    private static void close(InternetSocket socket) {
        try {
            socket.close();
        } catch (HostException failure) {
            LOGGER.log(System.Logger.Level.DEBUG, "A socket whose connection is over", failure);
        }
    }

    private @Nullable InternetSocket await() {
        synchronized (lock) {
            try {
                while (waiting.isEmpty() && !ended) {
                    lock.wait();
                }
            } catch (InterruptedException interruption) {
                ended = true; // what comes from now on is its owner's to close
                Thread.currentThread().interrupt();
            }
            return waiting.poll();
        }
    }

    /** Closes on this thread what waits; whether anything did. */
    boolean closeWaiting() {
        boolean any = false;
        for (InternetSocket socket = poll(); socket != null; socket = poll()) {
            close(socket);
            any = true;
        }
        return any;
    }

    private @Nullable InternetSocket poll() {
        synchronized (lock) {
            return waiting.poll();
        }
    }

    /** Closes all that was taken, and ends the thread. */
    @Override
    public void close() {
        Thread running;
        synchronized (lock) {
            ended = true;
            lock.notifyAll();
            running = thread;
        }
        closeWaiting();
        if (running != null) {
            ThreadEnd.await(running);
        }
    }
}
