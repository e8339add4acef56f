package dev.vz.storage.nbd;

import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.IoVectors;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One connection of a client in the transmission phase. Any thread submits and sends; the loop's thread receives and
 * completes. Once broken it stays so: every request, past and future, fails with what broke it.
 */
final class ClientConnection implements AutoCloseable {

    private static final int TURNS = 16;
    private static final int PIECES = 64;

    private final NbdUri uri;
    private final Channel channel;
    private final EpollLoop loop;
    private final EpollLoop.Registration registration;
    private final ReplyReader reader;

    // Guarded by lock
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition allFree = lock.newCondition();
    private final ClientRequest[] table;
    private final int[] free;
    private int freeCount;
    private final ArrayDeque<BlockRequest> waiting = new ArrayDeque<>();
    private final Sender sender = new Sender();
    private boolean blocked;
    /** The loop's thread is completing requests: what they submit is sent with one call at the end. */
    private boolean corked;
    private boolean ending;
    private volatile @Nullable VzException broken;

    // Of the loop's thread
    private final Input input = new Input(128 * 1024);
    private final IoVectors vectors = new IoVectors(PIECES + 1);

    ClientConnection(NbdUri uri, Channel channel, ExportInfo info, int depth, String name) {
        this.uri = uri;
        this.channel = channel;
        table = new ClientRequest[depth];
        free = new int[depth];
        for (int i = 0; i < depth; i++) {
            table[i] = new ClientRequest(i);
            free[freeCount++] = depth - 1 - i;
        }
        reader = new ReplyReader(this, input, info);
        loop = new EpollLoop(name);
        registration = loop.register(channel.descriptor(), Readiness.IN, (source, readiness) -> ready(readiness));
        loop.start();
    }

    // Submitting

    /** Sends {@code request} as soon as there is a place for it. The command and flags are in its tag. */
    void submit(BlockRequest request, int command, int flags) {
        request.tag = (long) command << 16 | flags;
        VzException reason;
        lock.lock();
        try {
            reason = broken;
            if (reason == null && !ending) {
                if (freeCount == 0) {
                    waiting.add(request);
                } else {
                    queue(request);
                    if (!corked) {
                        transmit();
                    }
                }
                reason = broken;
                if (reason == null) {
                    return;
                }
                // Sending has just failed: whoever broke it fails all requests, this one among them.
                failAllSoon();
                return;
            }
        } finally {
            lock.unlock();
        }
        if (reason == null) {
            request.complete(BlockResult.CANCELLED);
        } else {
            request.fail(BlockResult.IO_ERROR, reason);
        }
    }

    private void queue(BlockRequest request) {
        int command = (int) (request.tag >>> 16);
        ClientRequest place = table[free[--freeCount]];
        place.begin(request, command, (int) (request.tag & 0xffff));
        sender.add(place.head, Nbd.REQUEST_BYTES, null);
        if (command == Nbd.NBD_CMD_WRITE) {
            for (int i = 0; i < request.bufferCount(); i++) {
                sender.add(request.segment(i), request.bufferOffset(i), (int) request.bufferLength(i), null);
            }
        }
    }

    /** Sends what is queued. Under the lock. */
    private void transmit() {
        if (broken != null) {
            return;
        }
        long result = sender.send(channel);
        if (result == -Errno.EAGAIN) {
            if (!blocked) {
                blocked = true;
                registration.modify(Readiness.IN | Readiness.OUT);
            }
        } else if (result < 0) {
            broken = lost(result);
        } else if (blocked) {
            blocked = false;
            registration.modify(Readiness.IN);
        }
    }

    /** How many requests are under way; read without the lock, for a rough comparison. */
    int load() {
        return table.length - freeCount + waiting.size();
    }

    // Receiving, on the loop's thread

    private void ready(int readiness) {
        lock.lock();
        try {
            corked = true;
            if ((readiness & Readiness.OUT) != 0) {
                transmit();
            }
        } finally {
            lock.unlock();
        }
        VzException failure = broken;
        try {
            if (failure == null && (readiness & (Readiness.IN | Readiness.HANG_UP | Readiness.ERROR)) != 0) {
                receive();
            }
        } catch (VzException wrong) {
            failure = wrong;
        }
        lock.lock();
        try {
            corked = false;
            if (failure == null) {
                transmit();
                failure = broken;
            }
        } finally {
            lock.unlock();
        }
        if (failure != null) {
            failAll(failure);
        }
    }

    private void receive() {
        for (int turn = 0; turn < TURNS; turn++) {
            vectors.clear();
            reader.direct(vectors, PIECES);
            int tail = input.tail();
            int room = input.room();
            if (room > 0) {
                vectors.add(input.memory(), tail, room);
            }
            long wanted = vectors.bytes();
            long result = channel.read(vectors);
            if (result == -Errno.EAGAIN) {
                return;
            }
            if (result == -Errno.EINTR) {
                continue;
            }
            if (result <= 0) {
                throw lost(result);
            }
            input.received((int) (result - reader.directed(result)));
            reader.advance();
            if (result < wanted && !channel.buffered()) {
                return;
            }
        }
        if (channel.buffered()) {
            loop.execute(() -> ready(Readiness.IN)); // requests get their turn; epoll does not know of what TLS has here
        }
    }

    /** The request that a reply's cookie means. */
    ClientRequest find(long cookie) {
        int index = (int) cookie;
        if (index < 0 || index >= table.length || table[index].cookie() != cookie || table[index].request == null) {
            throw new FormatException("The server of " + uri + " answers a request 0x" + Long.toHexString(cookie)
                    + " that was not made");
        }
        return table[index];
    }

    /** The reply is complete. */
    void completed(ClientRequest place) {
        BlockRequest request = place.request;
        BlockResult result = place.result();
        int error = place.error;
        String message = place.message;
        place.request = null;
        lock.lock();
        try {
            free[freeCount++] = place.index;
            BlockRequest next = waiting.poll();
            if (next != null) {
                queue(next);
            } else if (freeCount == table.length) {
                allFree.signalAll();
            }
        } finally {
            lock.unlock();
        }
        if (request == null) {
            return;
        }
        if (result == BlockResult.OK) {
            request.complete(result);
        } else {
            request.fail(result, new HostException("NBD request " + request, uri.toString(), error,
                    Nbd.errorName(error), message == null || message.isEmpty() ? "the server gave no reason"
                            : "the server says: " + message));
        }
    }

    private HostException lost(long result) {
        // Whoever sends may notice it before the loop's thread does, and then by another name.
        if (result == 0 || result == -Errno.EPIPE || result == -Errno.ECONNRESET) {
            int error = result == 0 ? Errno.ECONNRESET : (int) -result;
            return new HostException("talking", uri.toString(), error, Errno.name(error),
                    "the server hung up; open the export again");
        }
        if (channel instanceof TlsChannel tls && result == -Errno.EPROTO) {
            return new HostException("TLS", uri.toString(), Errno.EPROTO, "EPROTO", tls.failure());
        }
        return Errno.failure("talking", uri, result);
    }

    private void failAllSoon() {
        VzException reason = broken;
        if (reason != null) {
            loop.execute(() -> failAll(reason));
        }
    }

    /** Fails everything; on the loop's thread, which is the only one that completes. */
    private void failAll(VzException reason) {
        var failed = new ArrayDeque<BlockRequest>();
        lock.lock();
        try {
            if (broken == null) {
                broken = reason;
            }
            corked = false;
            for (ClientRequest place : table) {
                BlockRequest request = place.request;
                if (request != null) {
                    place.request = null;
                    free[freeCount++] = place.index;
                    failed.add(request);
                }
            }
            failed.addAll(waiting);
            waiting.clear();
            sender.abandon();
            allFree.signalAll();
        } finally {
            lock.unlock();
        }
        registration.cancel();
        for (BlockRequest request : failed) {
            request.fail(BlockResult.IO_ERROR, reason);
        }
    }

    /** What broke the connection; {@code null} while it works. */
    @Nullable
    VzException failure() {
        return broken;
    }

    // Ending

    /** Waits until no request is under way; at {@code deadline}, of {@link System#nanoTime}, the connection is cut off. */
    void drain(long deadline) {
        boolean interrupted = false;
        boolean cut = false;
        lock.lock();
        try {
            while (freeCount < table.length || !waiting.isEmpty()) {
                long left = deadline - System.nanoTime();
                if (left <= 0 && !cut) {
                    cut = true;
                    cut(new HostException("waiting for replies", uri.toString(), Errno.ETIMEDOUT, "ETIMEDOUT",
                            "the server did not answer in time"));
                }
                try {
                    allFree.awaitNanos(cut ? 1_000_000_000L : left);
                } catch (InterruptedException later) {
                    interrupted = true;
                }
            }
        } finally {
            lock.unlock();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Takes nothing more: what is submitted from now on is cancelled. */
    void refuse() {
        lock.lock();
        try {
            ending = true;
        } finally {
            lock.unlock();
        }
    }

    /** Tells the server goodbye; it takes nothing more, and all requests are done. */
    void finish() {
        lock.lock();
        try {
            if (broken == null) {
                var last = new ClientRequest(0);
                last.begin(new BlockRequest(), Nbd.NBD_CMD_DISC, 0);
                sender.add(last.head, Nbd.REQUEST_BYTES, null);
                transmit();
                channel.finish();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Cuts the connection off: what is under way fails with {@code reason}. */
    void cut(VzException reason) {
        loop.execute(() -> failAll(reason));
    }

    @Override
    public void close() {
        loop.close();
        channel.close();
    }
}
