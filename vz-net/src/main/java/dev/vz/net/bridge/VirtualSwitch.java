package dev.vz.net.bridge;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkPort;
import dev.vz.net.MacAddress;
import dev.vz.net.time.NetClock;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A switch: a bridge of IEEE 802.1Q between {@link LinkPort}s.
 *
 * <p>
 * Any thread may call, and ports may deliver on threads of their own; a batch is forwarded on the thread that delivers it.
 * What to do is decided under the switch's lock, and done without it. Time passes when somebody calls {@link #run}: a
 * {@link SwitchLoop}, or a test with a clock that it turns.
 */
public final class VirtualSwitch implements AutoCloseable {

    /** The most ports. */
    public static final int MOST_PORTS = 1024;

    /** A frame that passes through the same switch so many times at once is going in circles. */
    private static final int DEEPEST = 8;
    private static final long SWEEP = 1_000_000_000L;

    private final String name;
    private final SwitchSettings settings;
    private final NetClock clock;
    private final ForwardingTable table;
    private final MulticastTable groups = new MulticastTable();
    private final @Nullable SpanningTree tree;
    private final Forwarder forwarder;
    /** Replaced as a whole when it changes; a place is empty after its port was closed. */
    private volatile @Nullable SwitchPort[] ports = new SwitchPort[0];
    private final @Nullable Forwarding[] idle = new Forwarding[DEEPEST];
    private int idleCount = DEEPEST;
    private long nextSweep;
    private boolean closed;
    private volatile @Nullable Runnable wake;

    /** A switch without ports on the host's clock. */
    public VirtualSwitch(String name, SwitchSettings settings) {
        this(name, settings, NetClock.system());
    }

    /** A switch without ports. */
    public VirtualSwitch(String name, SwitchSettings settings, NetClock clock) {
        this.name = name;
        this.settings = settings;
        this.clock = clock;
        table = new ForwardingTable(settings.mostStations());
        tree = settings.spanningTree() ? new SpanningTree(settings, clock.nanos()) : null;
        forwarder = new Forwarder(settings, table, groups, tree, this::requestRun);
        nextSweep = clock.nanos() + SWEEP;
        for (int i = 0; i < DEEPEST; i++) {
            idle[i] = new Forwarding();
        }
    }

    /** Its name, for people. */
    public String name() {
        return name;
    }

    /** What it does as a whole. */
    public SwitchSettings settings() {
        return settings;
    }

    /**
     * Connects {@code link}, which becomes the switch's: it is closed with the port or the switch.
     *
     * @throws LifecycleException     if the switch is closed
     * @throws ConfigurationException if it has {@link #MOST_PORTS} ports
     */
    public SwitchPort add(LinkPort link, PortSettings portSettings) {
        SwitchPort port;
        synchronized (this) {
            if (closed) {
                throw new LifecycleException("The switch " + name + " is closed; it takes no port " + link.name());
            }
            int number = freeNumber();
            var egress = new Egress(link, portSettings.queueBytes(), clock, this::requestRun);
            port = new SwitchPort(this, number, link, portSettings, egress);
            port.apply(portSettings);
            @Nullable
            SwitchPort[] changed = Arrays.copyOf(ports, Math.max(ports.length, number + 1));
            changed[number] = port;
            ports = changed;
            noteRules();
            if (tree != null) {
                tree.add(port, clock.nanos());
            }
        }
        link.onChange(() -> changed(port));
        link.receive(batch -> accept(port, batch));
        requestRun();
        return port;
    }

    private int freeNumber() {
        for (int i = 0; i < ports.length; i++) {
            if (ports[i] == null) {
                return i;
            }
        }
        if (ports.length == MOST_PORTS) {
            throw new ConfigurationException("The switch " + name + " has " + MOST_PORTS + " ports, the most there "
                    + "can be; close one first");
        }
        return ports.length;
    }

    void remove(SwitchPort port) {
        port.link().receive(null);
        synchronized (this) {
            if (port.number() >= ports.length || ports[port.number()] != port) {
                return;
            }
            @Nullable
            SwitchPort[] changed = ports.clone();
            changed[port.number()] = null;
            ports = changed;
            table.forgetPorts(number -> number == port.number(), true);
            groups.forgetPort(port.number());
            for (SwitchPort other : changed) {
                if (other != null) {
                    other.mirrorReceived = other.mirrorReceived == port ? null : other.mirrorReceived;
                    other.mirrorSent = other.mirrorSent == port ? null : other.mirrorSent;
                }
            }
            noteRules();
            if (tree != null) {
                tree.remove(port, clock.nanos());
            }
        }
        requestRun();
    }

    synchronized void change(SwitchPort port, PortSettings changed) {
        if (!port.settings.vlans().toString().equals(changed.vlans().toString())) {
            table.forgetPorts(number -> number == port.number(), false);
            groups.forgetPort(port.number());
        }
        port.apply(changed);
        noteRules();
    }

    private void noteRules() {
        forwarder.rulesOut = Stream.of(ports).anyMatch(port -> port != null && !port.rulesOut.isEmpty());
    }

    /** The ports there are now. */
    public List<SwitchPort> ports() {
        return Stream.of(ports).filter(Objects::nonNull).map(Objects::requireNonNull).toList();
    }

    /** Binds a station to a port for good: it is not learned anywhere else, and what comes from it elsewhere is dropped. */
    public synchronized void bind(SwitchPort port, int vlan, MacAddress address) {
        if (!port.settings.vlans().carries(vlan)) {
            throw new ConfigurationException(port + " is not in VLAN " + vlan + " but in " + port.settings.vlans()
                    + "; " + address + " cannot be reached there");
        }
        table.fix(vlan, address.value(), port.number());
    }

    /** Forgets a station, learned or bound. Whether it was known. */
    public synchronized boolean forget(int vlan, MacAddress address) {
        return table.forget(vlan, address.value());
    }

    /** The stations that it knows. */
    public synchronized List<ForwardingEntry> stations() {
        return table.entries(clock.nanos());
    }

    /** How many multicast groups it knows of. */
    public synchronized int multicastGroups() {
        return groups.groups();
    }

    /** What the spanning tree says of {@code port}; forwarding if there is none. */
    public synchronized SpanningTree.State state(SwitchPort port) {
        return tree == null ? SpanningTree.State.FORWARDING : tree.state(port.number());
    }

    /**
     * Copies what {@code source} sends into the switch, or gets from it, or both, to {@code target}, which from then on gets
     * nothing else and may send nothing. Frames are copied as they pass the port, tags and offloads included.
     */
    public synchronized void mirror(SwitchPort source, boolean received, boolean sent, SwitchPort target) {
        if (source == target) {
            throw new ConfigurationException(source + " cannot mirror itself");
        }
        source.mirrorReceived = received ? target : null;
        source.mirrorSent = sent ? target : null;
        target.mirrorOnly = true;
    }

    /** Ends the mirroring of {@code source}. A port to which nothing is mirrored any more is an ordinary one again. */
    public synchronized void unmirror(SwitchPort source) {
        source.mirrorReceived = null;
        source.mirrorSent = null;
        for (SwitchPort port : ports) {
            if (port != null) {
                port.mirrorOnly = Stream.of(ports)
                        .anyMatch(other -> other != null && (other.mirrorReceived == port || other.mirrorSent == port));
            }
        }
    }

    /** Calls {@code wake} whenever {@link #run} has to be called earlier than it last said. */
    void onWake(@Nullable Runnable wake) {
        this.wake = wake;
    }

    private void requestRun() {
        Runnable waiting = wake;
        if (waiting != null) {
            waiting.run();
        }
    }

    /** Lets time pass: ages stations and groups, speaks for the spanning tree, sends what waited. Returns nanoseconds to the next time. */
    public long run() {
        // Only a spanning tree has something to say.
        Forwarding work = tree == null ? null : new Forwarding();
        long next;
        synchronized (this) {
            long now = clock.nanos();
            if (now - nextSweep >= 0) {
                nextSweep = now + SWEEP;
                boolean hurried = tree != null && tree.isTopologyChanging();
                long age = hurried ? settings.forwardDelay().toNanos() : settings.ageing().toNanos();
                table.expire(now - age);
                groups.expire(now);
            }
            next = nextSweep - now;
            if (tree != null && work != null) {
                next = Math.min(next, tree.run(now, work));
            }
        }
        if (work != null) {
            work.flush();
        }
        for (SwitchPort port : ports) {
            if (port != null) {
                port.egress().room();
                next = Math.min(next, port.egress().nextDue(clock.nanos()));
            }
        }
        return Math.max(next, 0);
    }

    private void changed(SwitchPort port) {
        if (!port.link().isUp()) {
            if (port.closesWhenDown()) {
                port.close();
                return;
            }
            synchronized (this) {
                table.forgetPorts(number -> number == port.number(), false);
            }
        }
        if (tree != null) {
            synchronized (this) {
                tree.link(port, port.link().isUp(), clock.nanos());
            }
            requestRun();
        }
        port.egress().room();
    }

    // ------------------------------------------------------------------------------------------------ the way of a frame

    private int accept(SwitchPort in, FrameBatch batch) {
        int count = batch.count();
        Forwarding work;
        synchronized (this) {
            if (idleCount == 0) {
                // What comes back to this switch while it is still being sent, again and again, goes in circles.
                in.received += count;
                in.drop(DropReason.LOOP, count);
                return count;
            }
            work = Objects.requireNonNull(idle[--idleCount]);
        }
        try {
            decide(work, in, batch);
            work.flush();
        } finally {
            work.clear();
            synchronized (this) {
                idle[idleCount++] = work;
            }
        }
        return count;
    }

    private synchronized void decide(Forwarding work, SwitchPort in, FrameBatch batch) {
        long now = clock.nanos();
        for (int i = 0; i < batch.count(); i++) {
            DropReason reason = forwarder.forward(work, in, ports, batch, i, now);
            if (reason != null) {
                in.drop(reason);
            }
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        ports().forEach(SwitchPort::close);
    }

    @Override
    public String toString() {
        return "switch " + name;
    }
}
