package dev.vz.net.bridge;

import dev.vz.net.bridge.Bpdu.Kind;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The spanning tree protocol of IEEE 802.1D-1998, clause 8, which the Linux bridge speaks as well: bridges agree on a root,
 * and ports that would close a loop stop forwarding. Used under the switch's lock.
 */
public final class SpanningTree {

    /** What a port does. */
    public enum State {
        /** Its link is down. */
        DISABLED,
        /** It would close a loop. */
        BLOCKING,
        /** It waits whether somebody objects. */
        LISTENING,
        /** It learns stations, and waits. */
        LEARNING,
        /** It forwards. */
        FORWARDING
    }

    private static final long SECOND = 1_000_000_000L;
    /** What a way through a port costs: that of 1 Gbit/s in IEEE 802.1D, table 8-5. */
    private static final long PATH_COST = 4;
    private static final int PORT_PRIORITY = 0x8000;
    private static final long HOLD_TIME = SECOND;

    private final long address;
    private final long identifier;
    private final long ownMaxAge;
    private final long ownHello;
    private final long ownDelay;
    private @Nullable Port[] ports = new Port[8];
    private @Nullable Port rootPort;
    private long root;
    private long rootCost;
    private long maxAge;
    private long hello;
    private long delay;
    private long nextHello;
    private boolean changing;
    private long changingUntil;
    private boolean changeFromRoot;
    private boolean notifying;
    private long nextNotification;

    private final class Port {
        final SwitchPort port;
        final int id;
        State state = State.DISABLED;
        /** The best that was heard here, while it holds; {@code null} where this bridge is the designated one. */
        @Nullable
        Bpdu heard;
        long heardUntil;
        long stateUntil;
        boolean speak;
        boolean acknowledge;
        long heldUntil;

        Port(SwitchPort port, long now) {
            this.port = port;
            id = PORT_PRIORITY | port.number() + 1;
            heldUntil = now;
        }

        boolean isEdge() {
            return !port.settings.mayBridge();
        }

        void enter(State next, long now) {
            boolean counted = state == State.LEARNING || state == State.FORWARDING;
            state = next;
            stateUntil = now + delay;
            port.learning = next == State.LEARNING || next == State.FORWARDING;
            port.forwarding = next == State.FORWARDING;
            if (!isEdge() && (next == State.FORWARDING || counted && next != State.LEARNING)) {
                topologyChanged(now);
            }
        }
    }

    SpanningTree(SwitchSettings settings, long now) {
        address = settings.address().value();
        identifier = (long) settings.priority() << 48 | address;
        ownMaxAge = settings.maxAge().toNanos();
        ownHello = settings.helloTime().toNanos();
        ownDelay = settings.forwardDelay().toNanos();
        root = identifier;
        maxAge = ownMaxAge;
        hello = ownHello;
        delay = ownDelay;
        nextHello = now;
        changingUntil = now;
    }

    void add(SwitchPort port, long now) {
        if (port.number() >= ports.length) {
            ports = Arrays.copyOf(ports, Math.max(port.number() + 1, ports.length * 2));
        }
        ports[port.number()] = new Port(port, now);
        port.learning = false;
        port.forwarding = false;
        link(port, port.link().isUp(), now);
    }

    void remove(SwitchPort port, long now) {
        Port found = ports[port.number()];
        ports[port.number()] = null;
        if (found != null && found.state != State.DISABLED) {
            elect(now);
        }
    }

    void link(SwitchPort port, boolean up, long now) {
        Port found = find(port.number());
        if (found == null || up == (found.state != State.DISABLED)) {
            return;
        }
        if (!up) {
            found.heard = null;
            found.enter(State.DISABLED, now);
        } else {
            found.enter(found.isEdge() ? State.FORWARDING : State.BLOCKING, now);
        }
        elect(now);
    }

    State state(int number) {
        Port found = find(number);
        return found == null ? State.DISABLED : found.state;
    }

    private @Nullable Port find(int number) {
        return number < ports.length ? ports[number] : null;
    }

    /** Whether stations may have moved, so that what was learned must be unlearned sooner. */
    boolean isTopologyChanging() {
        return isRoot() ? changing : changeFromRoot;
    }

    private boolean isRoot() {
        return rootPort == null;
    }

    /** Hears a BPDU. Whether it was one. */
    boolean receive(SwitchPort in, MemorySegment segment, long at, int length, long now) {
        Bpdu message = Bpdu.parse(segment, at, length);
        Port port = find(in.number());
        if (message.kind() == Kind.MALFORMED) {
            return false;
        }
        if (port == null || port.state == State.DISABLED || message.kind() == Kind.OTHER) {
            return true;
        }
        if (message.kind() == Kind.TOPOLOGY_CHANGE_NOTIFICATION) {
            if (port.heard == null) {
                port.acknowledge = true;
                port.speak = true;
                topologyChanged(now);
            }
            return true;
        }
        if (message.isAtLeast(known(port))) {
            configured(port, message, now);
        } else if (port.heard == null) {
            // Whoever says less than we know is told (IEEE 802.1D, 8.6.1.3.2).
            port.speak = true;
        }
        return true;
    }

    private void configured(Port port, Bpdu message, long now) {
        port.heard = message;
        port.heardUntil = now + Math.min(message.maxAge(), 40 * SECOND) - message.messageAge();
        elect(now);
        if (port == rootPort) {
            // The root's times are everybody's, within what IEEE 802.1D, table 8-3, allows.
            maxAge = Math.clamp(message.maxAge(), 6 * SECOND, 40 * SECOND);
            hello = Math.clamp(message.hello(), SECOND, 10 * SECOND);
            delay = Math.clamp(message.delay(), 4 * SECOND, 30 * SECOND);
            changeFromRoot = message.change();
            if (message.acknowledged()) {
                notifying = false;
            }
            speakEverywhere();
        }
    }

    /** What is best on the link of {@code port}, heard or said. */
    private Bpdu known(Port port) {
        return port.heard != null ? port.heard : own(port, 0);
    }

    private Bpdu own(Port port, long age) {
        boolean change = isRoot() ? changing : changeFromRoot;
        return new Bpdu(Kind.CONFIGURATION, change, port.acknowledge, root, rootCost, identifier, port.id, age, maxAge,
                hello, delay);
    }

    /** Chooses the root and its port, and what every other port does (IEEE 802.1D, 8.6.8 and 8.6.9). */
    private void elect(long now) {
        boolean wasRoot = isRoot();
        Port best = null;
        Bpdu bestWay = null;
        for (Port port : ports) {
            if (port != null && port.state != State.DISABLED && port.heard != null
                    && Long.compareUnsigned(port.heard.root(), identifier) < 0
                    && port.heard.bridge() != identifier) {
                Bpdu heard = port.heard;
                Bpdu way = new Bpdu(Kind.CONFIGURATION, false, false, heard.root(), heard.cost() + PATH_COST,
                        heard.bridge(), heard.port(), 0, 0, 0, 0);
                if (bestWay == null || !bestWay.isAtLeast(way)) {
                    best = port;
                    bestWay = way;
                }
            }
        }
        rootPort = best;
        root = bestWay == null ? identifier : bestWay.root();
        rootCost = bestWay == null ? 0 : bestWay.cost();
        if (isRoot() && !wasRoot) {
            maxAge = ownMaxAge;
            hello = ownHello;
            delay = ownDelay;
            changeFromRoot = false;
            notifying = false;
            nextHello = now;
            topologyChanged(now);
        }
        for (Port port : ports) {
            if (port != null && port.state != State.DISABLED && !port.isEdge()) {
                chooseRole(port, now);
            }
        }
    }

    private void chooseRole(Port port, long now) {
        if (port != rootPort && port.heard != null && own(port, 0).isAtLeast(port.heard)) {
            port.heard = null;
            port.speak = true;
        }
        if (port == rootPort || port.heard == null) {
            if (port.state == State.BLOCKING) {
                port.enter(State.LISTENING, now);
            }
        } else if (port.state != State.BLOCKING) {
            port.enter(State.BLOCKING, now);
        }
    }

    private void topologyChanged(long now) {
        if (isRoot()) {
            changing = true;
            changingUntil = now + maxAge + delay;
        } else if (!notifying) {
            notifying = true;
            nextNotification = now;
        }
    }

    private void speakEverywhere() {
        for (Port port : ports) {
            if (port != null && port.state != State.DISABLED && port.heard == null) {
                port.speak = true;
            }
        }
    }

    /** Lets time pass; what has to be said goes into {@code work}. Returns nanoseconds to the next time. */
    long run(long now, Forwarding work) {
        changing = changing && changingUntil - now > 0;
        expire(now);
        if (isRoot() && nextHello - now <= 0) {
            nextHello = now + hello;
            speakEverywhere();
        }
        long next = isRoot() ? nextHello - now : SECOND;
        for (Port port : ports) {
            if (port != null && port.state != State.DISABLED) {
                next = Math.min(next, advance(port, now));
                if (port.speak && !port.isEdge()) {
                    next = Math.min(next, speak(port, work, now));
                }
            }
        }
        Port up = rootPort;
        if (notifying && up != null) {
            if (nextNotification - now <= 0) {
                nextNotification = now + hello;
                work.add(up.port, Bpdu.notification().frame(address), 0, OutBatch.KEEP, up.port.number());
            }
            next = Math.min(next, nextNotification - now);
        }
        return next;
    }

    private void expire(long now) {
        boolean expired = false;
        for (Port port : ports) {
            if (port != null && port.heard != null && port.heardUntil - now <= 0) {
                port.heard = null;
                expired = true;
            }
        }
        if (expired) {
            elect(now);
        }
    }

    private long advance(Port port, long now) {
        if (port.state != State.LISTENING && port.state != State.LEARNING) {
            return port.heard == null ? Long.MAX_VALUE : Math.max(0, port.heardUntil - now);
        }
        if (port.stateUntil - now <= 0) {
            port.enter(port.state == State.LISTENING ? State.LEARNING : State.FORWARDING, now);
        }
        return Math.max(0, port.stateUntil - now);
    }

    private long speak(Port port, Forwarding work, long now) {
        if (port.heard != null) {
            port.speak = false;
            return Long.MAX_VALUE;
        }
        if (port.heldUntil - now > 0) {
            return port.heldUntil - now;
        }
        long age = 0;
        Port up = rootPort;
        if (up != null) {
            // As old as what we heard has become, and a second for the way (IEEE 802.1D, 8.10.1).
            age = Math.max(0, Objects.requireNonNull(up.heard).maxAge() - (up.heardUntil - now)) + SECOND;
        }
        if (age < maxAge) {
            work.add(port.port, own(port, age).frame(address), 0, OutBatch.KEEP, port.port.number());
            port.heldUntil = now + HOLD_TIME;
        }
        port.speak = false;
        port.acknowledge = false;
        return Long.MAX_VALUE;
    }
}
