package dev.vz.storage.nbd;

import dev.vz.block.BlockDevice;
import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.IoVectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import javax.net.ssl.SSLEngine;
import org.jspecify.annotations.Nullable;

/**
 * One client: its socket, what was received and not understood yet, what waits to be sent. Everything runs on the loop's
 * thread. First {@link Negotiation}, then {@link Transmission} understands what is received.
 */
final class ServerConnection {

    private static final System.Logger LOGGER = System.getLogger(NbdServer.class.getName());

    /** Requests of one client that may be in work or have a reply unsent; more wait in the socket. */
    private static final int MOST_REQUESTS = 256;
    /** Bytes of data of such requests; one more request is taken while there are fewer. */
    private static final long MOST_BYTES = 64L << 20;
    /** How often in a row one client's socket is read before others get their turn. */
    private static final int TURNS = 16;

    /** Understands received bytes. */
    sealed interface Phase permits Negotiation, Transmission {
        /** Takes from the input what is complete; returns when more has to be received first. */
        void advance();

        /** Puts the memory first in which received bytes belong. */
        void direct(IoVectors vectors);

        /** Takes the part of received bytes that went into that memory; returns the rest, which went into the input. */
        int directed(int received);
    }

    private final NbdServer server;
    private final ServerLoop loop;
    private final String peer;
    private final long deadline;
    final Input input = new Input(256 * 1024);
    private final Sender sender = new Sender();
    private final IoVectors vectors = new IoVectors(2);
    private Channel channel;
    private Phase phase;
    private EpollLoop.@Nullable Registration registration;
    private int interest = Readiness.IN;
    private int requests;
    private long bytes;
    private boolean closed;
    /** Nothing more is taken; the connection ends with the last reply. */
    private boolean finishing;
    private @Nullable NbdExport export;
    /** The loop's mark that replies wait. */
    boolean touched;

    ServerConnection(NbdServer server, ServerLoop loop, Channel channel, String peer) {
        this.server = server;
        this.loop = loop;
        this.channel = channel;
        this.peer = peer;
        this.deadline = System.nanoTime() + server.options().handshakeTimeout().toNanos();
        this.phase = new Negotiation(this, server);
    }

    /** Begins; on the loop's thread. */
    void open() {
        loop.opened(this);
        try {
            registration = loop.epoll().register(channel.descriptor(), interest, (source, ready) -> ready(ready));
            ((Negotiation) phase).greet();
            flush();
        } catch (RuntimeException failure) {
            close("the connection could not be set up: " + failure.getMessage());
        }
    }

    ServerLoop loop() {
        return loop;
    }

    BlockDevice device() {
        return Objects.requireNonNull(export).device();
    }

    boolean isSecure() {
        return channel instanceof TlsChannel;
    }

    /** Whether nothing more of what is received counts. */
    boolean isEnding() {
        return finishing || closed;
    }

    // Receiving

    private void ready(int readiness) {
        try {
            if ((readiness & Readiness.OUT) != 0) {
                resume();
            }
            if ((readiness & (Readiness.IN | Readiness.HANG_UP | Readiness.ERROR)) != 0) {
                if (mayTake()) {
                    receive();
                } else if ((readiness & (Readiness.HANG_UP | Readiness.ERROR)) != 0) {
                    close(null); // nobody is there to read the replies that it waits for
                }
            }
        } catch (RuntimeException failure) {
            LOGGER.log(System.Logger.Level.WARNING, "NBD client " + peer + " is cut off", failure);
            close(null);
        }
    }

    private boolean mayTake() {
        return !isEnding() && requests < MOST_REQUESTS && bytes < MOST_BYTES;
    }

    private void receive() {
        int turn = 0;
        for (; turn < TURNS && mayTake(); turn++) {
            vectors.clear();
            phase.direct(vectors);
            int tail = input.tail();
            int room = input.room();
            if (room > 0) {
                vectors.add(input.memory(), tail, room);
            }
            long wanted = vectors.bytes();
            if (wanted == 0) {
                break;
            }
            long result = channel.read(vectors);
            if (result == -Errno.EAGAIN) {
                break;
            }
            if (result == -Errno.EINTR) {
                continue;
            }
            if (result <= 0) {
                lost(result);
                return;
            }
            input.received(phase.directed((int) result));
            work();
            if (result < wanted && !channel.buffered()) {
                break; // the socket is empty, or epoll says otherwise
            }
        }
        updateInterest();
        if (turn == TURNS && mayTake() && channel.buffered()) {
            loop.execute(() -> ready(Readiness.IN)); // the others' turn; epoll does not know of what TLS has here
        }
    }

    /** Understands and answers what has been received, as long as replies that are sent make room for more. */
    private void work() {
        int before;
        do {
            before = input.available();
            advance();
            flush();
        } while (input.available() < before && mayTake());
    }

    private void advance() {
        Phase before;
        do {
            before = phase;
            before.advance();
        } while (phase != before && !isEnding());
    }

    private void lost(long result) {
        if (result == 0 || result == -Errno.ECONNRESET || result == -Errno.EPIPE) {
            close(null);
        } else if (channel instanceof TlsChannel tls && result == -Errno.EPROTO) {
            close("TLS failed: " + tls.failure());
        } else {
            close("receiving failed with " + Errno.name((int) -result));
        }
    }

    /** Goes on after replies have been queued from elsewhere, and with requests that had to wait. */
    void resume() {
        if (closed) {
            return;
        }
        try {
            flush();
            if (mayTake()) {
                boolean waited = (interest & Readiness.IN) == 0;
                work();
                if (waited && mayTake() && channel.buffered()) {
                    receive();
                }
            }
            updateInterest();
        } catch (RuntimeException failure) {
            LOGGER.log(System.Logger.Level.WARNING, "NBD client " + peer + " is cut off", failure);
            close(null);
        }
    }

    // Requests

    /** A request for this client, to be filled; counts until its reply is sent. */
    ServerRequest begin() {
        ServerRequest request = loop.take();
        request.connection = this;
        requests++;
        return request;
    }

    /** Memory for the data of a request; {@code null} if the server has no more to give. */
    @Nullable
    PayloadBuffer payload(int length) {
        int capacity = PayloadBuffer.Pool.capacity(length);
        if (!server.reserve(capacity)) {
            return null;
        }
        bytes += capacity;
        return loop.buffers.take(length);
    }

    /** Whether one more request may be taken from the input. */
    boolean hasRoom() {
        return mayTake();
    }

    /** A request's reply is sent or given up, and its memory is free. */
    void ended(int capacity) {
        requests--;
        bytes -= capacity;
        server.unreserve(capacity);
        if (finishing && requests == 0 && !closed) {
            endSoon();
        }
    }

    /** Queues the reply of a request that is done. */
    void reply(ServerRequest request) {
        if (closed || !(phase instanceof Transmission transmission)) {
            loop.recycle(request);
        } else {
            transmission.reply(request, sender);
        }
    }

    // Sending

    /** Queues bytes of the negotiation. */
    void send(byte[] message) {
        MemorySegment copy = Arena.ofAuto().allocate(message.length);
        copy.copyFrom(MemorySegment.ofArray(message));
        sender.add(copy, message.length, null);
    }

    /** Sends what waits, as far as the socket takes it. */
    void flush() {
        if (closed) {
            return;
        }
        long result = sender.send(channel);
        if (result < 0 && result != -Errno.EAGAIN) {
            lost(result);
            return;
        }
        blocked = result == -Errno.EAGAIN;
        if (finishing && requests == 0 && !blocked) {
            close(null);
            return;
        }
        updateInterest();
    }

    private boolean blocked;

    private void updateInterest() {
        if (closed || registration == null) {
            return;
        }
        int wanted = (mayTake() ? Readiness.IN : 0) | (blocked ? Readiness.OUT : 0);
        if (wanted != interest) {
            interest = wanted;
            registration.modify(wanted);
        }
    }

    // Changes of state

    /** The negotiation is over. */
    void transmit(NbdExport chosen, boolean structured, java.util.List<MetadataContext> contexts) {
        export = chosen;
        phase = new Transmission(this, server, chosen, structured, contexts);
    }

    /** Everything from the next byte on is TLS. */
    void secure(SSLEngine engine) {
        flush();
        if (closed) {
            return;
        }
        if (!sender.isEmpty() || input.available() > 0) {
            // What came in the clear after the request could be a third party's.
            close("it sent data between NBD_OPT_STARTTLS and the TLS handshake");
            return;
        }
        channel = new TlsChannel(channel.descriptor(), engine);
    }

    /** Takes nothing more and ends after the last reply. */
    void finish() {
        finishing = true;
        if (requests == 0) {
            endSoon();
        }
    }

    private void endSoon() {
        // Not from within the sender: flush closes when everything is out.
        loop.execute(this::flush);
    }

    /** Whether the handshake goes on; one that lasts too long is cut off. */
    boolean stillNegotiating(long now) {
        if (!(phase instanceof Negotiation)) {
            return false;
        }
        if (now - deadline >= 0) {
            close("it did not finish the handshake within " + server.options().handshakeTimeout());
        }
        return !closed;
    }

    /** Ends the connection at once; {@code reason} is logged, {@code null} is nothing unusual. */
    void close(@Nullable String reason) {
        if (closed) {
            return;
        }
        closed = true;
        if (reason != null) {
            LOGGER.log(System.Logger.Level.WARNING, "NBD client " + peer + " is cut off: " + reason);
        }
        if (registration != null) {
            registration.cancel();
        }
        channel.finish();
        channel.close();
        sender.abandon();
        if (phase instanceof Transmission transmission) {
            transmission.abandon();
        }
        loop.closed(this);
        server.left(export != null);
    }

    @Override
    public String toString() {
        return "NBD connection from " + peer;
    }
}
