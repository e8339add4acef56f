package dev.vz.net.gateway;

import org.jspecify.annotations.Nullable;

/**
 * Decides where guests may go. Asked on the gateway's thread for each new flow, so it answers at once; what it throws
 * counts as {@link Decision#REJECT}.
 *
 * <p>
 * It is asked only about destinations that {@link GatewayConfiguration} does not exclude already.
 */
@FunctionalInterface
public interface EgressPolicy {

    /** What to do with a flow. */
    enum Decision {
        /** Let it through. */
        ALLOW,
        /** Tell the guest that an administrator forbids it (ICMP code 13, ICMPv6 code 1). */
        REJECT,
        /** Say nothing. */
        DROP
    }

    /** What to do with the flow that {@code request} describes. */
    Decision decide(EgressRequest request);

    /**
     * Whether {@link #decideServerName} is to be asked about connections to {@code port} that were allowed. What their
     * guests send then waits at the gateway until the first message is whole.
     */
    default boolean readsServerNames(int port) {
        return false;
    }

    /**
     * What to do with a connection whose guest has sent its first message, before any of it has left. All but
     * {@link Decision#ALLOW} resets the connection.
     *
     * @param serverName the name in the guest's TLS ClientHello (server_name, RFC 6066, 3), in lower case; {@code null} if
     *                   it says none, says it wrongly, or speaks something else. With Encrypted ClientHello it is the name
     *                   that the client shows in public.
     */
    default Decision decideServerName(EgressRequest request, @Nullable String serverName) {
        return Decision.ALLOW;
    }

    /** Lets everything through. */
    static EgressPolicy allowAll() {
        return request -> Decision.ALLOW;
    }

    /** Rejects everything: guests reach the gateway's own services only. */
    static EgressPolicy rejectAll() {
        return request -> Decision.REJECT;
    }
}
