package dev.vz.net.gateway;

import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.PacketView;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A TCP connection: a host socket on one side, our own end of the guest's connection on the other. The guest's SYN is
 * answered once the host's connection stands, and its failure is passed on as what it was.
 */
final class TcpFlow extends Flow {

    private enum State {
        /** The guest has sent SYN; the host's connection is under way. */
        CONNECTING,
        /** Our SYN, with its acknowledgment, is with the guest. */
        SYN_RECEIVED,
        /** The host has accepted a connection; our SYN is with the guest. */
        SYN_SENT,
        /** Both sides stand. Closing happens in the two halves. */
        OPEN,
        /** Over; only late segments are answered. */
        LINGERING,
        /** Out of the table. */
        ENDED
    }

    private static final long LINGER = 1_000_000_000L;
    private static final int OPTIONS = 12;
    private static final int INTEREST = Readiness.IN | Readiness.OUT | Readiness.READ_HANG_UP | Readiness.EDGE;

    private final GatewayCore core;
    private final InternetSocket socket;
    private final GuestSender sender;
    private final GuestReceiver receiver;
    private EpollLoop.@Nullable Registration registration;
    private State state;
    private boolean guestScales;
    private boolean guestSelects;
    private long lastActive;
    boolean acknowledgmentDue;

    TcpFlow(GatewayCore core, Guest guest, long guestHigh, long guestLow, int guestPort, long remoteHigh,
            long remoteLow,
            int remotePort, InternetSocket socket, int iss, byte[] prefix) {
        super(IpProtocol.TCP, guest, guestHigh, guestLow, guestPort, remoteHigh, remoteLow, remotePort);
        this.core = core;
        this.socket = socket;
        state = State.CONNECTING;
        sender = new GuestSender(this, core.link, new HostStream(socket, core.waste, core.peeking), iss, prefix);
        receiver = new GuestReceiver(this, socket, core.staging);
        lastActive = core.now;
    }

    /** The guest's SYN, whose header lies at {@code at}; the host's socket has begun to connect. */
    void openFromGuest(MemorySegment segment, long at, boolean connected) {
        receiver.start(TcpHeader.sequence(segment, at));
        negotiate(segment, at);
        guest.offer(this);
        register();
        if (connected) {
            hostConnected(false);
        } else {
            core.timers.arm(this, core.now + core.closingTimeout);
            core.expectAnswer();
        }
    }

    /** Lets what the guest sends wait until {@code rules} have heard whom it wants to talk to; before it opens. */
    void readServerName(EgressRules rules) {
        receiver.readServerName(name -> {
            if (!rules.allowsServerName(this, name)) {
                core.flowsRefused++;
                emitReset();
                socket.resetOnClose();
                end();
            }
        });
    }

    /** A client of a port forward: its connection stands, the guest is yet to be asked. */
    void openToGuest() {
        state = State.SYN_SENT;
        register();
        sender.synSent(core.now);
        repeatSyn();
        core.timers.arm(this, core.now + 1_000_000_000L);
    }

    private void register() {
        registration = core.register(this, socket, INTEREST, this::hostReady);
    }

    private void negotiate(MemorySegment segment, long at) {
        int mss = 536;
        int scale = -1;
        long end = at + TcpHeader.headerLength(segment, at);
        for (long i = at + TcpHeader.SIZE; i < end;) {
            int kind = Wire.u8(segment, i);
            if (kind == 0) {
                break;
            }
            int length = kind == 1 ? 1 : i + 1 < end ? Wire.u8(segment, i + 1) : 0;
            if (length == 0 || kind != 1 && length < 2 || i + length > end) {
                break;
            }
            if (kind == 2 && length == 4) {
                mss = Wire.u16(segment, i + 2);
            } else if (kind == 3 && length == 3) {
                scale = Wire.u8(segment, i + 2);
            } else if (kind == 4 && length == 2) {
                guestSelects = true;
            }
            i += length;
        }
        guestScales = scale >= 0;
        sender.negotiate(mss, Math.max(scale, 0), TcpHeader.window(segment, at));
    }

    /** A segment of the guest, its checksum known to be right. */
    void segment(PacketView view) {
        MemorySegment segment = view.segment();
        long at = view.transportOffset();
        int flags = TcpHeader.flags(segment, at);
        int sequence = TcpHeader.sequence(segment, at);
        lastActive = core.now;
        if (state == State.LINGERING) {
            if ((flags & (TcpHeader.RST | TcpHeader.SYN)) == 0 && (flags & TcpHeader.FIN) != 0) {
                acknowledgeSoon();
            }
            return;
        }
        if ((flags & TcpHeader.RST) != 0) {
            guestReset(segment, at, flags, sequence);
            return;
        }
        switch (state) {
            case CONNECTING -> {
                return; // its SYN again; the answer comes when there is one
            }
            case SYN_SENT -> {
                if (!answered(segment, at, flags)) {
                    return;
                }
            }
            case SYN_RECEIVED -> {
                if ((flags & TcpHeader.SYN) != 0) {
                    repeatSyn();
                    return;
                }
                if ((flags & TcpHeader.ACK) == 0 || !sender.acceptsFirst(TcpHeader.acknowledgment(segment, at))) {
                    return;
                }
                opened();
            }
            default -> {
                if ((flags & TcpHeader.SYN) != 0) {
                    acknowledgeSoon(); // RFC 5961, 4
                    return;
                }
            }
        }
        if ((flags & TcpHeader.ACK) == 0) {
            return;
        }
        data(view, segment, at, flags, sequence);
    }

    private void data(PacketView view, MemorySegment segment, long at, int flags, int sequence) {
        int header = TcpHeader.headerLength(segment, at);
        int length = view.transportLength() - header;
        boolean fin = (flags & TcpHeader.FIN) != 0;
        boolean carries = length > 0 || fin;
        if (!sender.acknowledge(TcpHeader.acknowledgment(segment, at), TcpHeader.window(segment, at), !carries,
                core.now)) {
            acknowledgeSoon();
            return;
        }
        if (carries && state != State.ENDED) {
            boolean ordered = sequence == receiver.nxt;
            receiver.receive(segment, at + header, length, sequence, fin);
            if (ordered) {
                acknowledgeSoon();
            } else {
                acknowledgeNow(); // a duplicate acknowledgment for each, by which the guest counts losses
            }
        } else if (!carries && sequence == receiver.nxt - 1) {
            acknowledgeNow(); // a keep-alive
        }
        if (state != State.ENDED) {
            sender.pump(core.now);
            endIfDone();
        }
    }

    private void guestReset(MemorySegment segment, long at, int flags, int sequence) {
        boolean valid = switch (state) {
            case SYN_SENT -> (flags & TcpHeader.ACK) != 0 && TcpHeader.acknowledgment(segment, at) == sender.nxt;
            case CONNECTING -> true;
            default -> receiver.isInWindow(sequence);
        };
        if (valid) {
            socket.resetOnClose();
            end();
        }
    }

    private boolean answered(MemorySegment segment, long at, int flags) {
        int both = TcpHeader.SYN | TcpHeader.ACK;
        if ((flags & both) != both || TcpHeader.acknowledgment(segment, at) != sender.nxt) {
            return false;
        }
        receiver.start(TcpHeader.sequence(segment, at));
        negotiate(segment, at);
        opened();
        acknowledgeNow();
        return true;
    }

    private void opened() {
        state = State.OPEN;
        guest.keep(this);
        if (sender.iss() + 1 == sender.nxt) {
            // What arrived meanwhile was announced by an edge that is gone.
            sender.hostReadable(false);
        }
        core.timers.arm(this, core.now + core.tcpIdleTimeout);
    }

    private void hostReady(int readiness) {
        if (state == State.CONNECTING) {
            int error = (readiness & (Readiness.ERROR | Readiness.HANG_UP)) != 0
                    ? socket.option(InternetOption.ERROR)
                    : 0;
            if (error != 0) {
                hostRefused(Math.abs(error));
            } else if ((readiness & Readiness.OUT) != 0) {
                hostConnected((readiness & Readiness.READ_HANG_UP) != 0);
            }
            return;
        }
        if (state == State.LINGERING || state == State.ENDED) {
            return;
        }
        if ((readiness & Readiness.ERROR) != 0) {
            int error = socket.option(InternetOption.ERROR);
            if (error != 0) {
                hostFailed(Math.abs(error));
                return;
            }
        }
        if ((readiness & Readiness.OUT) != 0 && receiver.drain()) {
            acknowledgeSoon();
        }
        if (state != State.ENDED && (readiness & (Readiness.IN | Readiness.READ_HANG_UP | Readiness.HANG_UP)) != 0) {
            sender.hostReadable((readiness & (Readiness.READ_HANG_UP | Readiness.HANG_UP)) != 0);
            if (state == State.OPEN) {
                sender.pump(core.now);
            } else if (state == State.SYN_RECEIVED && (readiness & Readiness.READ_HANG_UP) != 0) {
                sender.finishAtOnce(core.now);
            }
        }
        endIfDone();
    }

    private void hostConnected(boolean ended) {
        state = State.SYN_RECEIVED;
        sender.synSent(core.now);
        repeatSyn();
        if (ended) {
            sender.finishAtOnce(core.now);
        }
        core.expectAnswer();
        core.timers.arm(this, core.now + 1_000_000_000L);
    }

    private void hostRefused(int errno) {
        if (errno == Errno.ECONNREFUSED || errno == Errno.ECONNRESET) {
            emitReset();
        } else {
            core.errors.unreachable(this, errno);
        }
        end();
    }

    /** The host's connection broke: the guest's is reset. */
    void hostFailed(int errno) {
        if (state == State.OPEN || state == State.SYN_RECEIVED || state == State.SYN_SENT) {
            emitReset();
            end();
        }
    }

    private void emitReset() {
        emitControl(sender.nxt, TcpHeader.RST | TcpHeader.ACK);
    }

    /** Sends our SYN, for the first time or again. */
    void repeatSyn() {
        boolean answers = state == State.SYN_RECEIVED;
        int length = TcpHeader.SIZE + OPTIONS;
        long at = core.link.reserve(length);
        MemorySegment slab = core.link.slab();
        TcpHeader.set(slab, at, remotePort, guestPort, sender.iss(), answers ? receiver.nxt : 0, length,
                answers ? TcpHeader.SYN | TcpHeader.ACK : TcpHeader.SYN, 0xFFFF);
        int mss = core.link.mtu() - (version6 ? 40 : 20) - TcpHeader.SIZE;
        Wire.put32(slab, at + TcpHeader.SIZE, 0x0204_0000 | mss);
        // Window scale and selective acknowledgments only where the guest has them, too (RFC 7323, 2.2, and 2018, 2).
        Wire.put32(slab, at + TcpHeader.SIZE + 4,
                !answers || guestScales ? 0x0103_0300 | GuestReceiver.SCALE : 0x0101_0101);
        Wire.put32(slab, at + TcpHeader.SIZE + 8, !answers || guestSelects ? 0x0101_0402 : 0);
        core.link.checksum(this, at, length, TcpHeader.CHECKSUM, length, 0, 0);
        core.link.commit(this, length);
    }

    /** What was sent is answered at once by a guest that is awake. */
    void expectAnswer() {
        core.expectAnswer();
    }

    /** Sends a segment without data. */
    void emitControl(int sequence, int flags) {
        long at = core.link.reserve(TcpHeader.SIZE);
        writeHeader(at, sequence, flags, TcpHeader.SIZE);
        core.link.checksum(this, at, TcpHeader.SIZE, TcpHeader.CHECKSUM, TcpHeader.SIZE, 0, 0);
        core.link.commit(this, TcpHeader.SIZE);
    }

    void writeHeader(long at, int sequence, int flags, int headerLength) {
        int window = receiver.window();
        int scale = guestScales ? GuestReceiver.SCALE : 0;
        TcpHeader.set(core.link.slab(), at, remotePort, guestPort, sequence, receiver.nxt, headerLength, flags,
                Math.min(window >> scale, 0xFFFF));
        acknowledgmentDue = false;
    }

    private void acknowledgeSoon() {
        if (!acknowledgmentDue) {
            acknowledgmentDue = true;
            core.acknowledgeLater(this);
        }
    }

    /** Sends the acknowledgment that is due, unless data took it along. */
    void acknowledgeNow() {
        if (state != State.ENDED && state != State.CONNECTING) {
            if (guestSelects && receiver.isHoldingAhead()) {
                acknowledgeSelectively();
            } else {
                emitControl(sender.nxt, TcpHeader.ACK);
            }
        }
    }

    private void acknowledgeSelectively() {
        long at = core.link.reserve(TcpHeader.SIZE + OutOfOrder.LONGEST_OPTION);
        int length = TcpHeader.SIZE
                + receiver.writeSelectiveAcknowledgment(core.link.slab(), at + TcpHeader.SIZE);
        writeHeader(at, sender.nxt, TcpHeader.ACK, length);
        core.link.checksum(this, at, length, TcpHeader.CHECKSUM, length, 0, 0);
        core.link.commit(this, length);
    }

    @Override
    int quotedWord() {
        return receiver.nxt - 1; // the SYN's: errors are about that only
    }

    void armSender(long deadline) {
        if (state == State.ENDED) {
            return;
        }
        core.timers.arm(this, deadline);
    }

    /** The port takes frames again. */
    void resume() {
        if (state == State.OPEN) {
            sender.pump(core.now);
        }
    }

    private void endIfDone() {
        if (state == State.OPEN && receiver.isFinished() && sender.isFinAcknowledged()) {
            receiver.release();
            state = State.LINGERING;
            if (registration != null) {
                registration.forget();
                registration = null;
            }
            core.sockets.closeLater(socket);
            guest.offer(this);
            core.expectAnswer(); // who ends one connection often begins another
            core.timers.clear(this);
            core.timers.arm(this, core.now + LINGER);
        }
    }

    /** Whether the guest has acknowledged all that the host will ever send. */
    boolean hasHostEnded() {
        return sender.isFinAcknowledged();
    }

    boolean isLingering() {
        return state == State.LINGERING;
    }

    private void closeHost() {
        receiver.release();
        socket.close();
        if (registration != null) {
            registration.cancel(); // of a socket that is closed: its entry in the epoll has gone with it
            registration = null;
        }
    }

    void end() {
        if (state != State.ENDED) {
            if (state != State.LINGERING) {
                closeHost();
            }
            state = State.ENDED;
            core.end(this);
        }
    }

    @Override
    void expired(long now) {
        if (state == State.ENDED) {
            return;
        }
        long idle = switch (state) {
            case OPEN -> receiver.isFinReceived() || sender.isFinAcknowledged() ? core.closingTimeout
                    : core.tcpIdleTimeout;
            case LINGERING -> LINGER;
            default -> core.closingTimeout;
        };
        long due = state == State.OPEN || state == State.SYN_RECEIVED || state == State.SYN_SENT
                ? sender.deadline()
                : -1;
        if (lastActive + idle - now <= 0) {
            abandon();
        } else if (due >= 0 && due - now <= 0 && !sender.expired(now)) {
            abandon();
        } else if (state != State.ENDED) {
            due = sender.deadline();
            boolean sending = due >= 0 && state != State.CONNECTING && state != State.LINGERING;
            core.timers.arm(this, sending ? Math.min(due, lastActive + idle) : lastActive + idle);
        }
    }

    @Override
    void abandon() {
        if (state == State.OPEN || state == State.SYN_RECEIVED) {
            emitReset();
        }
        if (state != State.LINGERING && state != State.ENDED) {
            socket.resetOnClose();
        }
        end();
    }
}
