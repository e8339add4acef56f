package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.error.VzException;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.time.NetClock;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A router with network address translation for the guests behind one {@link LinkPort}, made of ordinary sockets of this
 * process: TCP, UDP and echo, over IPv4 and IPv6, without privileges.
 *
 * <p>
 * Everything happens on the thread of the loop that it is given, which may serve other things, too; only the sockets of
 * connections that are over may be closed by a thread of its own. Frames may arrive on any
 * thread: those of others are copied and handed over. The methods below may be called from any thread; they wait for the
 * loop unless it is the loop that calls, so it must be running or be polled by the caller's own thread.
 *
 * <p>
 * What is not there for a guest: the host's loopback and its own addresses, link-local addresses, and other guests except
 * through a port forward; see {@link GatewayConfiguration} for what opens them.
 */
public final class Gateway implements AutoCloseable {

    private static final long PATIENCE_SECONDS = 30;

    private final EpollLoop loop;
    private final LinkPort port;
    private final Arena arena = Arena.ofShared();
    private final GatewayCore core;
    private final Neighbours neighbours;
    private final PortForwards forwards;
    private final LocalServices services;
    private final EgressRules rules;
    private final Ingress ingress;
    private final PacketWriter writer;
    private final FrameInbox inbox;
    private final FrameBatch inboxBatch = new FrameBatch();
    private final AtomicBoolean inboxScheduled = new AtomicBoolean();
    private volatile boolean closed;
    private RouterSolicitationHandler solicitationHandler = (mac, source) -> {};

    /** Is told of guests that look for a router. Called on the gateway's thread. */
    @FunctionalInterface
    public interface RouterSolicitationHandler {
        /** A guest asks; {@code source} is its address, which may be the unspecified one. */
        void solicited(dev.vz.net.MacAddress mac, InetAddress source);
    }

    /** A gateway on the host's clock. */
    public Gateway(EpollLoop loop, LinkPort port, GatewayConfiguration configuration) {
        this(loop, port, configuration, NetClock.system());
    }

    /**
     * A gateway, which receives from {@code port} from now on. The loop and the port stay the caller's.
     *
     * @throws HostException if the host has no descriptors left
     */
    public Gateway(EpollLoop loop, LinkPort port, GatewayConfiguration configuration, NetClock clock) {
        this.loop = loop;
        this.port = port;
        core = new GatewayCore(loop, port, configuration, clock, arena);
        neighbours = new Neighbours(core);
        forwards = new PortForwards(core, neighbours);
        writer = new PacketWriter(core.link, arena);
        services = new LocalServices(forwards, writer);
        rules = new EgressRules(loop, configuration, forwards);
        var tcp = new TcpRelay(core, rules, services);
        var udp = new UdpRelay(core, rules, services, writer, arena);
        var echo = new EchoRelay(core, rules, udp.errors(), writer, arena);
        forwards.connect(tcp, udp.receiver());
        ingress = new Ingress(core, neighbours, tcp, udp, echo, new Reassembly(core, arena),
                (mac, high, low) -> solicitationHandler.solicited(new dev.vz.net.MacAddress(mac),
                        Address.toInet(high, low)));
        inbox = new FrameInbox(arena);
        port.onChange(this::portChanged);
        port.receive(this::accept);
    }

    private int accept(FrameBatch batch) {
        if (closed) {
            return batch.count();
        }
        if (loop.isLoopThread()) {
            core.begin();
            ingress.frames(batch);
            core.finish();
            return batch.count();
        }
        int taken = inbox.add(batch);
        if (taken > 0 && inboxScheduled.compareAndSet(false, true)) {
            loop.execute(this::drainInbox);
        }
        return taken;
    }

    private void drainInbox() {
        inboxScheduled.set(false);
        if (!closed) {
            inbox.drain(inboxBatch, ingress, core);
        }
    }

    private void portChanged() {
        if (!closed && core.link.isBlocked()) {
            loop.execute(() -> {
                if (closed) {
                    return;
                }
                core.begin();
                core.link.unblock();
                core.flows.forEach(flow -> {
                    if (flow instanceof TcpFlow tcp) {
                        tcp.resume();
                    }
                });
                core.finish();
            });
        }
    }

    /**
     * Opens a port of the host that leads to a guest.
     *
     * @return the forward, with the port that the host chose if it was to choose
     * @throws HostException {@code EADDRINUSE} if the port is taken, {@code EACCES} if it takes a privilege
     */
    public PortForward addForward(PortForward forward) {
        return onLoop(() -> forwards.add(forward));
    }

    /** Closes a forward; connections that came through it go on. Whether it was open. */
    public boolean removeForward(PortForward forward) {
        return onLoop(() -> forwards.remove(forward));
    }

    /** The forwards that are open. */
    public List<PortForward> forwards() {
        return onLoop(forwards::list);
    }

    /** Asks {@code policy} about new flows from now on; those that exist go on. */
    public void setPolicy(EgressPolicy policy) {
        rules.setPolicy(policy);
    }

    /** Where the names in {@link EgressRequest} come from; called on the gateway's thread. */
    public void setNames(Function<InetAddress, Set<String>> names) {
        onLoop(() -> {
            rules.setNames(names);
            return true;
        });
    }

    /** Lets {@code service} answer what guests send to a UDP port of the gateway, or to a group or everybody at it. */
    public void bindDatagrams(int port, DatagramService service) {
        onLoop(() -> {
            services.bind(port, service);
            return true;
        });
    }

    /** Lets {@code service} answer guests' connections with a TCP port of the gateway. */
    public void bindStreams(int port, StreamService service) {
        onLoop(() -> {
            services.bind(port, service);
            return true;
        });
    }

    /** Tells {@code handler} of guests that look for a router. */
    public void onRouterSolicitation(RouterSolicitationHandler handler) {
        onLoop(() -> {
            solicitationHandler = handler;
            return true;
        });
    }

    /** Runs {@code work}, which may send through {@link #link}, on the gateway's thread, soon. */
    public void execute(Runnable work) {
        loop.execute(() -> {
            if (!closed) {
                core.begin();
                work.run();
                core.finish();
            }
        });
    }

    /** The loop on whose thread everything here happens. */
    public EpollLoop loop() {
        return loop;
    }

    /** What services send with, on the gateway's thread only. */
    public GatewayLink link() {
        return new GatewayLink(core, neighbours, writer);
    }

    /** What has happened so far. */
    public GatewayStatistics statistics() {
        return onLoop(() -> new GatewayStatistics(core.framesIn, core.link.framesOut, core.link.framesDropped,
                core.malformed, core.flows.size(), core.flowsOpened, core.flowsRefused, core.flowsEvicted,
                core.staging.lentBytes(), core.errors.sent, core.failures));
    }

    /** Lets timeouts that are due happen: with a clock of one's own nothing else does. */
    public void tick() {
        onLoop(() -> {
            core.tick();
            return true;
        });
    }

    /** Ends every flow, tells the guests, and releases everything; the port receives no more. Idempotent. */
    @Override
    public void close() {
        onLoop(() -> {
            if (!closed) {
                port.receive(null);
                port.onChange(null);
                core.begin();
                core.flows.forEach(Flow::abandon);
                core.finish();
                closed = true;
                forwards.close();
                rules.close();
                core.close();
                arena.close();
            }
            return true;
        });
    }

    private <T> T onLoop(Supplier<T> work) {
        if (loop.isLoopThread()) {
            return work.get();
        }
        var done = new CompletableFuture<T>();
        loop.execute(() -> {
            try {
                done.complete(work.get());
            } catch (RuntimeException | Error failure) {
                done.completeExceptionally(failure);
            }
        });
        try {
            return done.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException failure) {
            switch (failure.getCause()) {
                case VzException exception -> throw exception;
                case RuntimeException exception -> throw exception;
                case Error error -> throw error;
                case null, default -> throw new LifecycleException("Work for the gateway on " + loop + " failed",
                        failure);
            }
        } catch (TimeoutException stalled) {
            throw new LifecycleException(loop + " did not get to the gateway's work within " + PATIENCE_SECONDS
                    + " s; is it running?", stalled);
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new LifecycleException("The wait for the gateway on " + loop + " was interrupted", interruption);
        }
    }
}
