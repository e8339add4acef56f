package dev.vz.net.gateway;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.InternetOption;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.InternetSocket.Protocol;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.packet.IpProtocol;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Ports of the host that lead to guests. A client keeps its own address towards the guest, unless that could not be answered
 * through the gateway: then it is the gateway's.
 */
final class PortForwards extends Timed implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(Gateway.class.getName());
    private static final int BACKLOG = 512;
    private static final int ACCEPTED_AT_A_TIME = 64;
    private static final int WAITING = 256;
    private static final long PATIENCE = 3_000_000_000L;
    private static final long RETRY = 250_000_000L;

    private record Listener(PortForward forward, InternetSocket socket, EpollLoop.Registration registration) {}

    private record Client(InternetSocket socket, PortForward forward, long high, long low, int port, long deadline) {}

    private final GatewayCore core;
    private final Neighbours neighbours;
    private final Map<PortForward, Listener> listeners = new LinkedHashMap<>();
    private final ArrayDeque<Client> waiting = new ArrayDeque<>();
    private final SocketName peer = new SocketName();
    private @Nullable TcpRelay tcp;
    private @Nullable UdpReceiver udp;

    PortForwards(GatewayCore core, Neighbours neighbours) {
        this.core = core;
        this.neighbours = neighbours;
        neighbours.onLearned(this::retryWaiting);
    }

    void connect(TcpRelay tcp, UdpReceiver udp) {
        this.tcp = tcp;
        this.udp = udp;
    }

    /**
     * Opens a forward.
     *
     * @return the forward with the port that the host chose
     */
    PortForward add(PortForward forward) {
        boolean v6 = !(forward.hostAddress() instanceof java.net.Inet4Address);
        if (v6 == forward.guestAddress() instanceof java.net.Inet4Address) {
            throw new ConfigurationException("A port forward stays in one family, but goes from "
                    + forward.hostAddress().getHostAddress() + " to " + forward.guestAddress().getHostAddress());
        }
        boolean stream = forward.protocol() == EgressRequest.Protocol.TCP;
        InternetSocket socket = InternetSocket.open(stream ? Protocol.TCP : Protocol.UDP, v6);
        try {
            if (stream) {
                socket.setOption(InternetOption.REUSE_ADDRESS, 1);
            }
            if (v6) {
                socket.setOption(InternetOption.IPV6_ONLY, 1);
            }
            Errno.check("bind", forward, socket.bind(forward.hostName()));
            var name = new SocketName();
            Errno.check("getsockname", forward, socket.localName(name));
            PortForward opened = forward.at(name.port());
            if (stream) {
                Errno.check("listen", forward, socket.listen(BACKLOG));
            }
            var registration = core.loop.register(socket.descriptor(), Readiness.IN, (which, readiness) -> {
                core.begin();
                if (stream) {
                    accept(opened, socket);
                } else {
                    receive(opened, socket);
                }
                core.finish();
            });
            listeners.put(opened, new Listener(opened, socket, registration));
            return opened;
        } catch (RuntimeException | Error failure) {
            socket.close();
            throw failure;
        }
    }

    /** Closes a forward; connections that came through it go on, datagrams do not. Whether it was open. */
    boolean remove(PortForward forward) {
        Listener listener = listeners.remove(forward);
        if (listener == null) {
            return false;
        }
        listener.registration().cancel();
        if (forward.protocol() == EgressRequest.Protocol.UDP) {
            core.flows.forEach(flow -> {
                if (flow instanceof UdpFlow datagrams && datagrams.socket == listener.socket()) {
                    datagrams.abandon();
                }
            });
        }
        listener.socket().close();
        return true;
    }

    List<PortForward> list() {
        return List.copyOf(listeners.keySet());
    }

    /** Whether a host address and port lead to a guest. */
    boolean listensAt(EgressRequest.Protocol protocol, long high, long low, int port) {
        for (PortForward forward : listeners.keySet()) {
            InetAddress at = forward.hostAddress();
            boolean everywhere = at.isAnyLocalAddress()
                    && at instanceof java.net.Inet4Address == Address.isIpv4(high, low);
            if (forward.protocol() == protocol && forward.hostPort() == port
                    && (everywhere || Address.low(at) == low && Address.high(at) == high)) {
                return true;
            }
        }
        return false;
    }

    /** Finds a forward by its port alone, and where this process reaches it. */
    boolean locate(EgressRequest.Protocol protocol, boolean ipv4, int port, SocketName name) {
        for (PortForward forward : listeners.keySet()) {
            InetAddress at = forward.hostAddress();
            if (forward.protocol() == protocol && forward.hostPort() == port
                    && at instanceof java.net.Inet4Address == ipv4) {
                boolean any = at.isAnyLocalAddress();
                long loopback = ipv4 ? Address.mapped(0x7F00_0001) : 1;
                name.set(any ? 0 : Address.high(at), any ? loopback : Address.low(at), port, 0);
                return true;
            }
        }
        return false;
    }

    private void accept(PortForward forward, InternetSocket listener) {
        for (int i = 0; i < ACCEPTED_AT_A_TIME; i++) {
            InternetSocket socket;
            try {
                socket = listener.accept(peer);
            } catch (HostException full) {
                if (!core.evictForDescriptor()) {
                    LOGGER.log(System.Logger.Level.DEBUG, "A client of a port forward waits", full);
                    return;
                }
                continue;
            }
            if (socket == null) {
                return;
            }
            var client = new Client(socket, forward, peer.high(), peer.low(), peer.port(), core.now + PATIENCE);
            if (!start(client)) {
                await(client);
            }
        }
    }

    /** Whether the client has found its guest, or has been refused; {@code false} if the guest is yet to be found. */
    private boolean start(Client client) {
        PortForward forward = client.forward();
        long guestHigh = Address.high(forward.guestAddress());
        long guestLow = Address.low(forward.guestAddress());
        long mac = neighbours.find(guestHigh, guestLow);
        if (mac < 0) {
            return false;
        }
        Guest guest = core.guest(mac);
        long high = sourceHigh(client.high(), client.low());
        long low = sourceLow(client.high(), client.low());
        int port = freePort(IpProtocol.TCP, guestHigh, guestLow, forward.guestPort(), high, low, client.port());
        boolean taken = guest != null && port > 0 && tcp != null && tcp.accepted(guest, client.socket(), guestHigh,
                guestLow, forward.guestPort(), high, low, port, proxyHeader(client));
        if (!taken) {
            core.flowsRefused++;
            client.socket().resetOnClose();
            client.socket().close();
        }
        return true;
    }

    private static String proxyHeader(Client client) {
        if (!client.forward().proxyHeader()) {
            return "";
        }
        boolean ipv4 = Address.isIpv4(client.high(), client.low());
        var local = new SocketName();
        Errno.check("getsockname", client.socket(), client.socket().localName(local));
        return "PROXY %s %s %s %d %d\r\n".formatted(ipv4 ? "TCP4" : "TCP6",
                Address.toInet(client.high(), client.low()).getHostAddress(),
                Address.toInet(local.high(), local.low()).getHostAddress(), client.port(), local.port());
    }

    private void await(Client client) {
        if (waiting.size() >= WAITING) {
            client.socket().resetOnClose();
            client.socket().close();
            return;
        }
        waiting.add(client);
        neighbours.solicit(Address.high(client.forward().guestAddress()), Address.low(client.forward().guestAddress()));
        core.timers.arm(this, core.now + RETRY);
    }

    private void retryWaiting() {
        for (int i = waiting.size(); i > 0; i--) {
            Client client = waiting.removeFirst();
            if (!start(client)) {
                waiting.add(client);
            }
        }
    }

    @Override
    void expired(long now) {
        for (int i = waiting.size(); i > 0; i--) {
            Client client = waiting.removeFirst();
            if (client.deadline() - now <= 0) {
                client.socket().resetOnClose();
                client.socket().close();
            } else {
                neighbours.solicit(Address.high(client.forward().guestAddress()),
                        Address.low(client.forward().guestAddress()));
                waiting.add(client);
            }
        }
        if (!waiting.isEmpty()) {
            core.timers.arm(this, now + RETRY);
        }
    }

    private void receive(PortForward forward, InternetSocket socket) {
        UdpReceiver receiver = udp;
        if (receiver == null) {
            return;
        }
        int count = receiver.take(socket);
        long guestHigh = Address.high(forward.guestAddress());
        long guestLow = Address.low(forward.guestAddress());
        for (int i = 0; i < count; i++) {
            long mac = neighbours.find(guestHigh, guestLow);
            if (mac < 0) {
                neighbours.solicit(guestHigh, guestLow);
                break; // the datagrams are lost, as on a link without the guest
            }
            SocketName sender = receiver.sender(i);
            UdpFlow flow = flow(forward, socket, mac, guestHigh, guestLow, sender);
            if (flow != null) {
                flow.usedByHost();
                receiver.emit(flow, i);
            }
        }
        core.link.flush();
    }

    private @Nullable UdpFlow flow(PortForward forward, InternetSocket socket, long mac, long guestHigh, long guestLow,
            SocketName sender) {
        long high = sourceHigh(sender.high(), sender.low());
        long low = sourceLow(sender.high(), sender.low());
        int port = sender.port();
        // A client behind the gateway's address may meet another with the same port: then it gets the next one.
        for (int tries = 0; tries < 64; tries++) {
            Flow found = core.flows.find(IpProtocol.UDP, guestHigh, guestLow, forward.guestPort(), high, low, port);
            if (found instanceof UdpFlow known) {
                if (known.socket == socket && known.peerPort == sender.port() && known.peerLow == sender.low()
                        && known.peerHigh == sender.high()) {
                    return known;
                }
                port = port == 0xFFFF ? 1024 : port + 1;
                continue;
            }
            Guest guest = core.guest(mac);
            if (guest == null || !core.admit(guest)) {
                return null;
            }
            var flow = new UdpFlow(core, guest, guestHigh, guestLow, forward.guestPort(), high, low, port, socket, true,
                    sender.high(), sender.low(), sender.port());
            core.open(flow);
            return flow;
        }
        return null;
    }

    private int freePort(int protocol, long guestHigh, long guestLow, int guestPort, long high, long low, int port) {
        int candidate = port;
        for (int tries = 0; tries < 64; tries++) {
            if (core.flows.find(protocol, guestHigh, guestLow, guestPort, high, low, candidate) == null) {
                return candidate;
            }
            candidate = candidate == 0xFFFF ? 1024 : candidate + 1;
        }
        return -1;
    }

    /** Whether the guest would send its answers to such a client elsewhere than to the gateway. */
    private boolean isHidden(long high, long low) {
        var prefix = Address.isIpv4(high, low) ? core.configuration.ipv4() : core.configuration.ipv6();
        return Address.isLoopback(high, low) || Address.isLinkLocal(high, low) || neighbours.isOwn(high, low)
                || prefix != null && prefix.contains(Address.toInet(high, low));
    }

    private long sourceHigh(long high, long low) {
        return isHidden(high, low) ? core.errors.ownHigh(!Address.isIpv4(high, low)) : high;
    }

    private long sourceLow(long high, long low) {
        return isHidden(high, low) ? core.errors.ownLow(!Address.isIpv4(high, low)) : low;
    }

    @Override
    public void close() {
        List.copyOf(listeners.keySet()).forEach(this::remove);
        waiting.forEach(client -> client.socket().close());
        waiting.clear();
    }
}
