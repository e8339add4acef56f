package dev.vz.net.gateway;

import dev.vz.link.VnetHeader;
import dev.vz.linux.Errno;
import dev.vz.net.packet.TcpHeader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The half of a TCP connection that sends to the guest: sequence numbers, the guest's window, loss and its repair
 * (RFC 9293, 5681, 6298 and 6582). Names follow the RFCs: {@code una} is SND.UNA, {@code nxt} is SND.NXT.
 */
final class GuestSender {

    private static final long MILLISECOND = 1_000_000;
    /** Linux's own bound; the link is short. */
    private static final long SMALLEST_RTO = 200 * MILLISECOND;
    private static final long LARGEST_RTO = 60_000 * MILLISECOND;
    private static final int RETRIES = 12;
    private static final int INITIAL_WINDOW = 1 << 18;
    private static final int LARGEST_WINDOW = 1 << 22;
    /** Acknowledged bytes are taken off the host's queue in portions: it is a system call. */
    private static final int DISCARD = 1 << 17;
    private static final int LARGEST_PAYLOAD = 65_000;
    private static final int REPAIR = 8;

    private final TcpFlow flow;
    private final GuestLink link;
    private final HostStream stream;
    private final int iss;
    private final byte[] prefix;
    private int prefixLeft;

    int una;
    int nxt;
    private int max;
    private long window;
    private int mss;
    private int scale;

    private long congestionWindow = INITIAL_WINDOW;
    private long threshold = LARGEST_WINDOW;
    private int duplicates;
    private boolean recovering;
    private int recover;

    private boolean readable;
    private boolean ended;
    private boolean finSent;
    /** The FIN is the last there is, so from its first sending on {@code max} is behind it. */
    private boolean finEverSent;
    private boolean finAcknowledged;
    private long debt;

    private long smoothed;
    private long variation;
    private long timeout = 1000 * MILLISECOND;
    private boolean timing;
    private int timedSequence;
    private long timedAt;
    private long lastSent;
    private int retries;

    GuestSender(TcpFlow flow, GuestLink link, HostStream stream, int iss, byte[] prefix) {
        this.flow = flow;
        this.link = link;
        this.stream = stream;
        this.iss = iss;
        this.prefix = prefix;
        prefixLeft = prefix.length;
        readable = prefix.length > 0;
        una = iss;
        nxt = iss;
        max = iss;
        mss = 536;
    }

    /** Takes over what the guest's SYN said. */
    void negotiate(int mss, int scale, int window) {
        int largest = link.mtu() - (flow.version6 ? 40 : 20) - TcpHeader.SIZE;
        this.mss = Math.clamp(mss, 88, largest);
        this.scale = Math.min(scale, 14);
        this.window = window;
    }

    /** Our SYN leaves, for the first time or again. */
    void synSent(long now) {
        nxt = iss + 1;
        max = nxt;
        lastSent = now;
    }

    int iss() {
        return iss;
    }

    boolean isSynAcknowledged() {
        return una != iss;
    }

    boolean isFinAcknowledged() {
        return finAcknowledged;
    }

    boolean isOutstanding() {
        return nxt != una;
    }

    /** Whether {@code ack} acknowledges our SYN, and no more than was sent. */
    boolean acceptsFirst(int ack) {
        return ack - iss > 0 && ack - nxt <= 0;
    }

    /** The host has closed before the guest knew of the connection: if it said nothing either, our FIN follows our SYN. */
    void finishAtOnce(long now) {
        // RFC 9293, 3.10.4: in SYN-RECEIVED the end may be sent, data waits for the guest's acknowledgment.
        if (nxt == iss + 1 && stream.peek(0, link.slab(), link.reserve(1), 1, true) == 0) {
            sendFin(nxt, now);
        }
    }

    /** The host may have more to read. */
    void hostReadable(boolean closed) {
        readable = true;
        ended |= closed;
    }

    /** Sends as much as windows and data allow. */
    void pump(long now) {
        while (readable && !finSent && !link.isBlocked()) {
            int flight = nxt - una;
            long room = Math.min(Math.min(window, congestionWindow), stream.flightLimit()) - flight;
            if (room <= 0 || room < mss && flight > 0) {
                break;
            }
            if (emit(nxt, (int) Math.min(room, largestPayload()), now) <= 0) {
                break;
            }
        }
        arm(now);
    }

    private int largestPayload() {
        boolean large = flow.version6 ? link.features().tso6() : link.features().tso4();
        return large && link.features().checksum() ? LARGEST_PAYLOAD / mss * mss : mss;
    }

    /** Sends up to {@code limit} bytes from sequence number {@code from} on; how many, 0 if none. */
    private int emit(int from, int limit, long now) {
        int behind = from - una;
        long transport = link.reserve(TcpHeader.SIZE + limit);
        long payload = transport + TcpHeader.SIZE;
        int count;
        if (behind < prefixLeft) {
            count = Math.min(limit, prefixLeft - behind);
            MemorySegment.copy(prefix, prefix.length - prefixLeft + behind, link.slab(), ValueLayout.JAVA_BYTE, payload,
                    count);
        } else {
            long result = stream.peek(debt + behind - prefixLeft, link.slab(), payload, limit, ended);
            if (result == 0) {
                sendFin(from, now);
                return 0;
            }
            if (result < 0) {
                readable = false;
                if (result != -Errno.EAGAIN && result != -Errno.EINTR) {
                    flow.hostFailed((int) -result);
                }
                return 0;
            }
            count = (int) result;
        }
        int flags = TcpHeader.ACK | (count < limit ? TcpHeader.PSH : 0);
        int gso = count > mss ? flow.version6 ? VnetHeader.GSO_TCPV6 : VnetHeader.GSO_TCPV4 : VnetHeader.GSO_NONE;
        flow.writeHeader(transport, from, flags, TcpHeader.SIZE);
        link.checksum(flow, transport, TcpHeader.SIZE + count, TcpHeader.CHECKSUM, TcpHeader.SIZE, gso, mss);
        link.commit(flow, TcpHeader.SIZE + count);
        if (count > 8192) {
            link.flush(); // large frames go at once: the next is then built where this one was, in the cache
        }
        sent(from + count, now);
        if (!timing && retries == 0 && !recovering) {
            timing = true;
            timedSequence = from + count;
            timedAt = now;
        }
        return count;
    }

    private void sendFin(int sequence, long now) {
        finSent = true;
        finEverSent = true;
        flow.emitControl(sequence, TcpHeader.FIN | TcpHeader.ACK);
        sent(sequence + 1, now);
        flow.expectAnswer();
    }

    private void sent(int end, long now) {
        if (end - nxt > 0) {
            nxt = end;
        }
        if (end - max > 0) {
            max = end;
        }
        lastSent = now;
    }

    /**
     * The guest acknowledges.
     *
     * @param window  as in the header, not scaled
     * @param pure    whether the segment carries nothing else
     * @return whether the acknowledgment made sense
     */
    boolean acknowledge(int ack, int window, boolean pure, long now) {
        if (ack - max > 0) {
            return false;
        }
        int acknowledged = ack - una;
        long scaled = (long) window << scale;
        if (acknowledged > 0) {
            advance(ack, acknowledged, now);
        } else if (acknowledged == 0 && pure && nxt != una && scaled == this.window && una != iss) {
            duplicate(now);
        }
        if (acknowledged >= 0) {
            this.window = scaled;
            if (nxt == una) {
                retries = 0; // it answers, so a closed window is its own choice
            }
        }
        return true;
    }

    private void advance(int ack, int acknowledged, long now) {
        int bytes = acknowledged;
        if (una == iss) {
            bytes--;
        }
        if (finEverSent && ack == max) {
            finSent = true;
            finAcknowledged = true;
            bytes--;
        }
        una = ack;
        if (nxt - una < 0) {
            nxt = una;
        }
        retries = 0;
        consume(bytes);
        if (timing && ack - timedSequence >= 0) {
            timing = false;
            measure(now - timedAt);
        }
        timeout = currentTimeout();
        duplicates = 0;
        lastSent = now;
        if (!recovering) {
            grow(bytes);
        } else if (ack - recover >= 0) {
            recovering = false;
            congestionWindow = threshold;
        } else {
            // A partial acknowledgment (RFC 6582, 3.2): the next hole starts here.
            congestionWindow = Math.max(congestionWindow - bytes + mss, mss);
            repair(now);
        }
    }

    private void grow(int bytes) {
        if (congestionWindow < threshold) {
            congestionWindow += bytes;
        } else {
            congestionWindow += Math.max(1, (long) mss * bytes / congestionWindow);
        }
        congestionWindow = Math.min(congestionWindow, LARGEST_WINDOW);
    }

    private void duplicate(long now) {
        duplicates++;
        if (recovering) {
            congestionWindow += mss;
        } else if (duplicates == 3) {
            recovering = true;
            recover = max;
            timing = false;
            threshold = Math.max((nxt - una) / 2, 2 * mss);
            congestionWindow = threshold + 3L * mss;
            repair(now);
        }
    }

    /** Sends what is missing first, and a little more: losses of a link that carries large frames are long. */
    private void repair(long now) {
        int limit = Math.min(Math.min(REPAIR * mss, recover - una), largestPayload());
        emit(una, Math.max(limit, 1), now);
    }

    private void consume(int bytes) {
        int ofPrefix = Math.min(bytes, prefixLeft);
        prefixLeft -= ofPrefix;
        debt += bytes - ofPrefix;
        if (debt >= DISCARD || debt > 0 && nxt == una) {
            int result = stream.discard(debt);
            debt = 0;
            if (result < 0) {
                flow.hostFailed(-result);
            }
        }
    }

    private void measure(long sample) {
        if (smoothed == 0) {
            smoothed = sample;
            variation = sample / 2;
        } else {
            variation = (3 * variation + Math.abs(smoothed - sample)) / 4;
            smoothed = (7 * smoothed + sample) / 8;
        }
    }

    private long currentTimeout() {
        return Math.clamp(smoothed + 4 * variation, SMALLEST_RTO, LARGEST_RTO);
    }

    /** When to look again; -1 if nothing is outstanding. */
    long deadline() {
        boolean waitsForWindow = readable && !finSent && window < mss;
        return nxt != una || waitsForWindow || link.isBlocked() && readable ? lastSent + timeout : -1;
    }

    private void arm(long now) {
        if (deadline() >= 0 || nxt != una) {
            flow.armSender(lastSent == 0 ? now + timeout : lastSent + timeout);
        }
    }

    /** The retransmission timer has run out; whether the connection still has hope. */
    boolean expired(long now) {
        if (!link.isBlocked() && ++retries > RETRIES) {
            return false;
        }
        timeout = Math.min(2 * timeout, LARGEST_RTO);
        timing = false;
        lastSent = now;
        if (una == iss) {
            flow.repeatSyn();
        } else if (nxt == una) {
            // The guest's window is closed: what it has had already makes it say whether that is still so.
            flow.emitControl(una - 1, TcpHeader.ACK);
            pump(now);
        } else {
            threshold = Math.max((nxt - una) / 2, 2 * mss);
            congestionWindow = mss;
            recovering = false;
            duplicates = 0;
            nxt = una;
            finSent = false;
            readable = true;
            pump(now);
        }
        return true;
    }
}
