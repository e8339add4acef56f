package dev.vz.net.gateway;

import dev.vz.linux.event.EpollLoop;
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
    private final OwnAddresses ownAddresses;
    private Function<InetAddress, Set<String>> names = address -> Set.of();
    private volatile EgressPolicy policy;

    /** Where the flow that was allowed last leads. */
    long targetHigh;
    long targetLow;

    EgressRules(EpollLoop loop, GatewayConfiguration configuration, PortForwards forwards) {
        this.configuration = configuration;
        this.forwards = forwards;
        ownAddresses = new OwnAddresses(loop);
        policy = configuration.policy();
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
            if (!configuration.allowHost() && ownAddresses.contains(high, low)
                    && !forwards.listensAt(protocol, high, low, port)) {
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
        ownAddresses.close();
    }
}
