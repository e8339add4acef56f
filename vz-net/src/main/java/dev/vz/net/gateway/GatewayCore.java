package dev.vz.net.gateway;

import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.TimerFd;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.net.time.NetClock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the parts of a gateway share: the loop and its time, the link, the tables and their limits. All of it belongs to the
 * loop's thread. Whatever happens is bracketed by {@link #begin} and {@link #finish}.
 */
final class GatewayCore implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(Gateway.class.getName());

    /** About what it takes to fall asleep and be woken, in nanoseconds. */
    private static final long AWAKE = 20_000;

    final EpollLoop loop;
    final GatewayConfiguration configuration;
    final GuestLink link;
    final FlowTable flows = new FlowTable();
    final TimerWheel timers;
    final StagingPool staging;
    final MemorySegment waste;
    final SocketKeeper sockets;
    final HostStream.Peeking peeking = new HostStream.Peeking();
    final IcmpErrors errors;
    final long closingTimeout;
    final long tcpIdleTimeout;
    long now;

    long framesIn;
    long malformed;
    long flowsOpened;
    long flowsRefused;
    long flowsEvicted;
    long failures;
    private long lastFailure;

    private final NetClock clock;
    private final TimerFd timer;
    private final EpollLoop.Registration timerRegistration;
    private final Map<Long, Guest> guests = new HashMap<>();
    private final ArrayList<TcpFlow> acknowledgments = new ArrayList<>();
    private long armedAt = Long.MAX_VALUE;
    private @Nullable Guest lastGuest;
    private @Nullable Runnable flushDatagrams;

    GatewayCore(EpollLoop loop, LinkPort port, GatewayConfiguration configuration, NetClock clock, Arena arena) {
        this.loop = loop;
        this.configuration = configuration;
        this.clock = clock;
        now = clock.nanos();
        link = new GuestLink(port, configuration.mac().value(), configuration.mtu(), arena);
        timers = new TimerWheel(now);
        staging = new StagingPool(arena, configuration.limits().stagedBytes());
        waste = arena.allocate(HostStream.WASTE, 64);
        sockets = new SocketKeeper(loop);
        errors = new IcmpErrors(this);
        closingTimeout = configuration.limits().tcpClosing().toNanos();
        tcpIdleTimeout = configuration.limits().tcpIdle().toNanos();
        timer = TimerFd.nonBlocking(TimerFd.Clock.MONOTONIC);
        timerRegistration = loop.register(timer.descriptor(), dev.vz.linux.event.Readiness.IN, (which, readiness) -> {
            timer.take();
            armedAt = Long.MAX_VALUE;
            tick();
        });
    }

    /** Called before a batch of acknowledgments leaves: datagrams for hosts that were gathered. */
    void onFinish(Runnable flushDatagrams) {
        this.flushDatagrams = flushDatagrams;
    }

    /** Something happens. */
    void begin() {
        now = clock.nanos();
        link.refresh();
    }

    /** Everything that the event brought about leaves. */
    void finish() {
        if (flushDatagrams != null) {
            flushDatagrams.run();
        }
        for (int i = 0; i < acknowledgments.size(); i++) {
            TcpFlow flow = acknowledgments.get(i);
            if (flow.acknowledgmentDue) {
                flow.acknowledgmentDue = false;
                flow.acknowledgeNow();
            }
        }
        acknowledgments.clear();
        link.flush();
        armTimer();
    }

    /** Lets time pass: what the timer does, and what a test does by hand. */
    void tick() {
        begin();
        timers.advance(now);
        finish();
    }

    /**
     * Calls {@code event} whenever the socket of {@code flow} is ready. One object each, made here and now: one made for each
     * event would be garbage wherever the compiler does not see through the call.
     */
    EpollLoop.Registration register(Flow flow, InternetSocket socket, int interest, FlowEvent event) {
        return loop.register(socket.descriptor(), interest, (which, readiness) -> handle(flow, event, readiness));
    }

    /** Lets a flow's socket be dealt with; whatever goes wrong with it ends that flow and nothing else. */
    private void handle(Flow flow, FlowEvent event, int readiness) {
        begin();
        try {
            event.happen(readiness);
        } catch (RuntimeException failure) {
            failed(flow.toString(), failure);
            flow.abandon();
        }
        finish();
    }

    /** What a flow does when its socket is ready. */
    @FunctionalInterface
    interface FlowEvent {
        void happen(int readiness);
    }

    /** A mistake of ours showed itself on something from outside: said, but not more often than once a second. */
    void failed(String what, RuntimeException failure) {
        failures++;
        if (now - lastFailure > 1_000_000_000L || failures == 1) {
            lastFailure = now;
            LOGGER.log(System.Logger.Level.ERROR, "The gateway failed on " + what + ", which is dropped; failures so"
                    + " far: " + failures, failure);
        }
    }

    /** A connection has taken a step whose answer is on its way if the other end is near: not worth falling asleep. */
    void expectAnswer() {
        loop.stayAwake(AWAKE);
    }

    void acknowledgeLater(TcpFlow flow) {
        acknowledgments.add(flow);
    }

    private void armTimer() {
        long wait = timers.untilNext(now);
        if (wait < 0) {
            return;
        }
        // Moving the timer is a system call: only for what is earlier than all that it is set for.
        if (now + wait < armedAt) {
            armedAt = now + wait;
            timer.armAfter(wait, 0);
        }
    }

    /** The guest behind an Ethernet address; {@code null} if there are too many. */
    @Nullable
    Guest guest(long mac) {
        Guest last = lastGuest;
        if (last != null && last.mac == mac) {
            last.lastSeen = now;
            return last;
        }
        Guest found = guests.get(mac);
        if (found == null) {
            if (guests.size() >= configuration.limits().guests() && !forgetGuest()) {
                return null;
            }
            found = new Guest(mac);
            guests.put(mac, found);
        }
        found.lastSeen = now;
        lastGuest = found;
        return found;
    }

    private boolean forgetGuest() {
        var oldest = guests.values().stream().filter(guest -> guest.flows == 0)
                .min(Comparator.comparingLong(guest -> guest.lastSeen - now));
        oldest.ifPresent(guest -> guests.remove(guest.mac));
        return oldest.isPresent();
    }

    /** Makes room for another flow of {@code guest}; whether there is. */
    boolean admit(Guest guest) {
        GatewayLimits limits = configuration.limits();
        if (guest.flows >= limits.flowsPerGuest() && !evict(guest)) {
            flowsRefused++;
            return false;
        }
        if (flows.size() >= limits.flows()) {
            // The guest that has most gives way, so that a flood hurts whoever makes it.
            Guest largest = guests.values().stream().filter(other -> other.spare() != null)
                    .max(Comparator.comparingInt(other -> other.flows)).orElse(null);
            if (largest == null || !evict(largest)) {
                flowsRefused++;
                return false;
            }
        }
        return true;
    }

    /** Gets descriptors back, if need be by ending some flow that can be done without; whether there was one. */
    boolean evictForDescriptor() {
        if (sockets.release()) {
            return true;
        }
        Guest largest = guests.values().stream().filter(other -> other.spare() != null)
                .max(Comparator.comparingInt(other -> other.flows)).orElse(null);
        return largest != null && evict(largest);
    }

    private boolean evict(Guest guest) {
        Flow spare = guest.spare();
        if (spare == null) {
            return false;
        }
        flowsEvicted++;
        spare.abandon();
        return true;
    }

    /** Puts a flow into the tables. */
    void open(Flow flow) {
        flows.add(flow);
        flow.guest.flows++;
        flowsOpened++;
    }

    /** Takes a flow out of them. */
    void end(Flow flow) {
        timers.clear(flow);
        flow.guest.keep(flow);
        if (flows.remove(flow)) {
            flow.guest.flows--;
        }
    }

    /** Says once in a while that something on the host failed which is nobody's mistake. */
    void hostTrouble(String what, Throwable failure) {
        LOGGER.log(System.Logger.Level.DEBUG, what, failure);
    }

    @Override
    public void close() {
        sockets.close();
        timerRegistration.cancel();
        timer.close();
    }
}
