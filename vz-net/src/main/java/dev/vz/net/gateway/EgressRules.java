package dev.vz.net.gateway;

import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.socket.InternetSocket;
import dev.vz.linux.socket.SocketName;
import dev.vz.net.IpPrefix;
import dev.vz.net.gateway.EgressPolicy.Decision;
import java.net.InetAddress;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Whether a guest may open a flow, and where on the host's side it leads. The fixed rules come first: loopback, groups,
 * link-local and the host's own addresses are closed unless the configuration opens them; what they leave open is the
 * policy's to decide.
 */
final class EgressRules implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger(Gateway.class.getName());

    private final GatewayConfiguration configuration;
    private final PortForwards forwards;
    private final SocketName name = new SocketName();
    private final @Nullable InternetSocket[] probes = new InternetSocket[2];
    private final boolean[] missing = new boolean[2];
    private Function<InetAddress, Set<String>> names = address -> Set.of();
    private volatile EgressPolicy policy;

    /** Where the flow that was allowed last leads. */
    long targetHigh;
    long targetLow;

    EgressRules(GatewayConfiguration configuration, PortForwards forwards) {
        this.configuration = configuration;
        this.forwards = forwards;
        policy = configuration.policy();
    }

    /** Opened on the gateway's thread, as flows' sockets are: it is the thread that has a network namespace. */
    private @Nullable InternetSocket probe(boolean version6) {
        int family = version6 ? 1 : 0;
        if (probes[family] == null && !missing[family]) {
            try {
                probes[family] = InternetSocket.open(InternetSocket.Protocol.UDP, version6);
            } catch (HostException failure) {
                boolean absent = failure.errno() == Errno.EAFNOSUPPORT;
                if (!absent) {
                    throw failure;
                }
                missing[family] = true;
                LOGGER.log(System.Logger.Level.INFO, "This host has no IPv6: {0}", failure.getMessage());
            }
        }
        return probes[family];
    }

    void setPolicy(EgressPolicy policy) {
        this.policy = policy;
    }

    void setNames(Function<InetAddress, Set<String>> names) {
        this.names = names;
    }

    /** Whether a flow may be opened; sets the target if so. */
    Decision check(EgressRequest.Protocol protocol, long guestHigh, long guestLow, long high, long low, int port) {
        targetHigh = high;
        targetLow = low;
        IpPrefix loopback = configuration.hostLoopback();
        if (loopback != null && Address.low(loopback.address()) == low && Address.high(loopback.address()) == high) {
            boolean version4 = Address.isIpv4(high, low);
            targetHigh = 0;
            targetLow = version4 ? Address.mapped(0x7F00_0001) : 1;
            return ask(protocol, guestHigh, guestLow, high, low, port);
        }
        if (!isException(high, low)) {
            if (Address.isGroup(high, low)) {
                return Decision.DROP;
            }
            if (Address.isLoopback(high, low) || Address.isDisguisedIpv4(high, low)
                    || Address.isLinkLocal(high, low) && !configuration.allowLinkLocal()) {
                return Decision.REJECT;
            }
            if (!configuration.allowHost() && isOwn(high, low) && !forwards.listensAt(protocol, high, low, port)) {
                return Decision.REJECT;
            }
        }
        return ask(protocol, guestHigh, guestLow, high, low, port);
    }

    private boolean isException(long high, long low) {
        if (configuration.exceptions().isEmpty()) {
            return false;
        }
        InetAddress address = Address.toInet(high, low);
        return configuration.exceptions().stream().anyMatch(range -> range.contains(address));
    }

    /**
     * Whether an address is one of the host's: then the kernel takes it as the source, too. Asked anew each time, as
     * addresses come and go; a datagram socket that connects sends nothing.
     */
    private boolean isOwn(long high, long low) {
        InternetSocket probe;
        try {
            probe = probe(!Address.isIpv4(high, low));
        } catch (HostException full) {
            return true; // without knowing, the answer is the safe one
        }
        if (probe == null || probe.connect(name.set(high, low, 9, 0)) < 0) {
            return false; // not reachable: the flow's own socket will say how
        }
        boolean own = probe.localName(name) == 0 && name.low() == low && name.high() == high;
        probe.disconnect(); // or the next destination would be asked with this source
        return own;
    }

    private Decision ask(EgressRequest.Protocol protocol, long guestHigh, long guestLow, long high, long low,
            int port) {
        EgressPolicy asked = policy;
        return answer(() -> asked.decide(request(protocol, guestHigh, guestLow, high, low, port)));
    }

    private EgressRequest request(EgressRequest.Protocol protocol, long guestHigh, long guestLow, long high, long low,
            int port) {
        InetAddress destination = Address.toInet(high, low);
        return new EgressRequest(protocol, Address.toInet(guestHigh, guestLow), destination, port,
                names.apply(destination));
    }

    /** Whether a connection's server name matters. */
    boolean readsServerNames(int port) {
        try {
            return policy.readsServerNames(port);
        } catch (RuntimeException failure) {
            LOGGER.log(System.Logger.Level.WARNING, "The egress policy failed, so it is asked about the name", failure);
            return true;
        }
    }

    /** Whether a connection that was allowed may go on, now that it has named its server. */
    boolean allowsServerName(TcpFlow flow, @Nullable String serverName) {
        EgressPolicy asked = policy;
        return answer(() -> asked.decideServerName(request(EgressRequest.Protocol.TCP, flow.guestHigh, flow.guestLow,
                flow.remoteHigh, flow.remoteLow, flow.remotePort), serverName)) == Decision.ALLOW;
    }

    private static Decision answer(Supplier<Decision> question) {
        try {
            return question.get();
        } catch (RuntimeException failure) {
            LOGGER.log(System.Logger.Level.WARNING, "The egress policy failed, so the flow is rejected", failure);
            return Decision.REJECT;
        }
    }

    @Override
    public void close() {
        for (InternetSocket probe : probes) {
            if (probe != null) {
                probe.close();
            }
        }
    }
}
