package dev.vz.net.gateway;

import dev.vz.linux.Errno;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.InternetSocket;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The half of a TCP connection that receives from the guest: in order, straight into the host's socket. What the socket does
 * not take waits in borrowed memory, and the window does not open until it has drained; so the guest is never told of room
 * that is not there. {@code nxt} is RCV.NXT, {@code edge} is RCV.NXT + RCV.WND as last told.
 */
final class GuestReceiver {

    /** What we announce in our SYN. */
    static final int SCALE = 7;

    private static final int SMALLEST_WINDOW = 1 << 16;
    private static final int LARGEST_WINDOW = 1 << 20;
    /** After so many bytes the host's socket is asked again how much it takes: it is a system call. */
    private static final int ASKING = 1 << 13;

    private final TcpFlow flow;
    private final InternetSocket socket;
    private final StagingPool pool;
    private final OutOfOrder ahead;
    private final ArrayDeque<MemorySegment> staged = new ArrayDeque<>(0);
    private int headOffset;
    private int tailLength;
    private long stagedBytes;

    int nxt;
    private int edge;
    private int askedAt;
    private boolean sentBefore;
    private boolean sendsAtOnce;
    private boolean finReceived;
    private boolean finished;
    private boolean released;
    private @Nullable ClientHello hello;
    private @Nullable Consumer<@Nullable String> serverNameListener;

    GuestReceiver(TcpFlow flow, InternetSocket socket, StagingPool pool) {
        this.flow = flow;
        this.socket = socket;
        this.pool = pool;
        ahead = new OutOfOrder(pool);
    }

    /** Lets everything wait until {@code listener} has heard of the server's name, which may end the flow. */
    void readServerName(Consumer<@Nullable String> listener) {
        hello = new ClientHello();
        serverNameListener = listener;
    }

    /** Starts behind the guest's SYN. */
    void start(int irs) {
        nxt = irs + 1;
        edge = nxt + 65_535;
        askedAt = nxt;
    }

    boolean isFinReceived() {
        return finReceived;
    }

    /** Whether all the guest sent has reached the host's socket, the end included. */
    boolean isFinished() {
        return finished;
    }

    /** Whether a sequence number is one that RST may carry (RFC 5961, 3). */
    boolean isInWindow(int sequence) {
        return sequence - nxt >= 0 && sequence - edge <= 0;
    }

    /** Takes a segment's payload; what does not fit or is out of order is left for the guest to send again. */
    void receive(MemorySegment segment, long at, int length, int sequence, boolean fin) {
        int old = nxt - sequence;
        if (old < 0 && sequence + length - edge <= 0) {
            ahead.add(segment, at, length, sequence);
        }
        if (old < 0 || old > length || finReceived) {
            return; // ahead of order, or known already: the acknowledgment that follows says so
        }
        int fresh = Math.min(length - old, edge - nxt);
        boolean whole = fresh == length - old;
        if (fresh > 0) {
            int taken = deliver(segment, at + old, fresh);
            nxt += taken;
            whole &= taken == fresh;
        }
        if (fresh > 0 && !ahead.isEmpty()) {
            takeAhead();
        }
        if (fin && whole && sequence + length == nxt && !released) {
            nxt++;
            finReceived = true;
            if (hello != null && stagedBytes > 0) {
                lookForServerName(true);
            }
            if (!released) {
                finish();
            }
        }
    }

    private void takeAhead() {
        for (int i = ahead.find(nxt); i >= 0; i = ahead.find(nxt)) {
            int old = nxt - ahead.sequence(i);
            int fresh = ahead.length(i) - old;
            int taken = fresh > 0 ? deliver(ahead.piece(i), old, fresh) : 0;
            nxt += taken;
            ahead.remove(i);
            if (taken < fresh) {
                ahead.clear(); // there is no memory: the guest sends it again
            }
        }
    }

    private int deliver(MemorySegment segment, long at, int length) {
        int sent = 0;
        if (stagedBytes == 0 && hello == null) {
            long result = send(segment, at, length);
            if (result < 0 && result != -Errno.EAGAIN && result != -Errno.EINTR) {
                flow.hostFailed((int) -result);
                return 0;
            }
            sent = (int) Math.max(result, 0);
        }
        while (sent < length) {
            MemorySegment tail = staged.peekLast();
            if (tail == null || tailLength == StagingPool.PIECE) {
                tail = pool.borrow();
                if (tail == null) {
                    break;
                }
                staged.add(tail);
                tailLength = 0;
            }
            int part = Math.min(length - sent, StagingPool.PIECE - tailLength);
            MemorySegment.copy(segment, at + sent, tail, tailLength, part);
            tailLength += part;
            stagedBytes += part;
            sent += part;
        }
        if (hello != null) {
            lookForServerName(false);
        }
        return released ? 0 : sent;
    }

    private long send(MemorySegment segment, long at, int length) {
        // Nagle's rule holds nothing back as long as nothing is on its way: who sends once spares the call.
        if (sentBefore && !sendsAtOnce) {
            sendsAtOnce = true;
            socket.setOption(InternetOption.TCP_NO_DELAY, 1);
        }
        sentBefore = true;
        return socket.send(segment, at, length);
    }

    private void lookForServerName(boolean ended) {
        ClientHello reading = hello;
        Consumer<@Nullable String> listener = serverNameListener;
        MemorySegment head = staged.peekFirst();
        if (reading == null || listener == null || head == null) {
            return;
        }
        // The first piece holds more than a ClientHello may be long.
        ClientHello.Progress progress = reading.read(head, staged.size() == 1 ? tailLength : StagingPool.PIECE);
        if (progress == ClientHello.Progress.INCOMPLETE && !ended) {
            return;
        }
        hello = null;
        serverNameListener = null;
        listener.accept(reading.serverName());
        if (!released) {
            drain();
        }
    }

    /** The host's socket has room again; whether the guest should hear of it. */
    boolean drain() {
        if (stagedBytes == 0 || hello != null) {
            return false;
        }
        while (stagedBytes > 0) {
            MemorySegment head = staged.getFirst();
            int end = staged.size() == 1 ? tailLength : StagingPool.PIECE;
            long result = send(head, headOffset, end - headOffset);
            if (result < 0) {
                if (result != -Errno.EAGAIN && result != -Errno.EINTR) {
                    flow.hostFailed((int) -result);
                }
                return false;
            }
            headOffset += (int) result;
            stagedBytes -= result;
            if (headOffset == end) {
                pool.giveBack(staged.removeFirst());
                headOffset = 0;
            }
        }
        tailLength = 0;
        finish();
        return true;
    }

    private void finish() {
        if (finReceived && stagedBytes == 0 && !finished) {
            finished = true;
            // Where the host has ended before, the flow is over, and closing the socket says the same.
            int result = flow.hasHostEnded() ? 0 : socket.shutdownOutput();
            if (result < 0 && result != -Errno.ENOTCONN) {
                flow.hostFailed(-result);
            }
        }
    }

    /** The window to announce, in bytes; opens it as far as there is room. */
    int window() {
        int now = Math.max(edge - nxt, 0);
        boolean asks = now < LARGEST_WINDOW / 2 && nxt - askedAt >= ASKING || now < SMALLEST_WINDOW / 2;
        if (stagedBytes == 0 && asks && !finReceived && !released) {
            askedAt = nxt;
            int space = Math.clamp(socket.sendSpace(), SMALLEST_WINDOW, LARGEST_WINDOW);
            if (space > now) {
                edge = nxt + space;
                now = space;
            }
        }
        return now;
    }

    /** Whether something waits for what was sent before it. */
    boolean isHoldingAhead() {
        return !ahead.isEmpty();
    }

    /** Writes the option that names it, at most {@link OutOfOrder#LONGEST_OPTION} bytes; its length. */
    int writeSelectiveAcknowledgment(MemorySegment target, long at) {
        return ahead.writeOption(target, at);
    }

    /** Gives borrowed memory back. */
    void release() {
        released = true;
        staged.forEach(pool::giveBack);
        staged.clear();
        ahead.clear();
        stagedBytes = 0;
    }
}
