package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.InternetSocket;
import java.util.ArrayDeque;

/**
 * What flows' sockets take beside their work, at moments when the loop has nothing else to do or on another thread: some are
 * opened before they are needed, and those of connections that are over are closed later. Either is a system call that a
 * guest with one connection after the other would wait for.
 */
final class SocketKeeper implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(Gateway.class.getName());
    private static final int READY = 4;
    /** So many sockets are worth waking a thread for. */
    private static final int BATCH = 8;
    private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

    private final EpollLoop loop;
    private final ArrayDeque<InternetSocket> ready4 = new ArrayDeque<>(READY);
    private final ArrayDeque<InternetSocket> ready6 = new ArrayDeque<>(READY);
    private final ArrayDeque<InternetSocket> closing = new ArrayDeque<>(BATCH);
    private final SocketCloser closer;
    private final Runnable closeOne = this::closeOne;
    private final Runnable fill4 = this::fill4;
    private final Runnable fill6 = this::fill6;
    private boolean closed;

    SocketKeeper(EpollLoop loop) {
        this.loop = loop;
        closer = new SocketCloser("closer of " + loop);
    }

    /**
     * A TCP socket.
     *
     * @throws HostException {@code EMFILE} or {@code ENFILE} without descriptors, {@code EAFNOSUPPORT} on a host without IPv6
     */
    InternetSocket open(boolean version6) {
        InternetSocket socket = (version6 ? ready6 : ready4).poll();
        loop.executeWhenIdle(version6 ? fill6 : fill4);
        return socket != null ? socket : InternetSocket.open(InternetSocket.Protocol.TCP, version6);
    }

    private void fill4() {
        fill(ready4, false);
    }

    private void fill6() {
        fill(ready6, true);
    }

    private void fill(ArrayDeque<InternetSocket> ready, boolean version6) {
        if (!closed && ready.size() < READY) {
            try {
                ready.add(InternetSocket.open(InternetSocket.Protocol.TCP, version6));
            } catch (HostException failure) {
                // Whoever needs one hears of it if it still fails then.
                LOGGER.log(System.Logger.Level.DEBUG, "No socket ahead", failure);
                if (failure.errno() == Errno.EMFILE || failure.errno() == Errno.ENFILE) {
                    release();
                }
            }
        }
    }

    /**
     * Lets a socket that nothing is registered for any more be closed soon: in an idle moment where there are some, and by a
     * thread of its own where connections end faster than that.
     */
    void closeLater(InternetSocket socket) {
        closing.add(socket);
        if (closing.size() < BATCH) {
            loop.executeWhenIdle(closeOne);
        } else if (PROCESSORS == 1 || !closer.take(closing)) {
            closeAll();
        }
    }

    private void closeOne() {
        InternetSocket socket = closing.poll();
        if (socket != null) {
            socket.close();
        }
    }

    private void closeAll() {
        while (!closing.isEmpty()) {
            closeOne();
        }
    }

    /** Gives back every descriptor that nobody uses; whether there was one. */
    boolean release() {
        boolean any = closer.closeWaiting() || !closing.isEmpty() || !ready4.isEmpty() || !ready6.isEmpty();
        closeAll();
        ready4.forEach(InternetSocket::close);
        ready4.clear();
        ready6.forEach(InternetSocket::close);
        ready6.clear();
        return any;
    }

    @Override
    public void close() {
        closed = true;
        release();
        closer.close();
    }
}
