package dev.vz.net.gateway;

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

    /** Lets everything through. */
    static EgressPolicy allowAll() {
        return request -> Decision.ALLOW;
    }

    /** Rejects everything: guests reach the gateway's own services only. */
    static EgressPolicy rejectAll() {
        return request -> Decision.REJECT;
    }
}
