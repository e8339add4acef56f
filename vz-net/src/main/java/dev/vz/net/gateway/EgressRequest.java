package dev.vz.net.gateway;

import java.net.InetAddress;
import java.util.Set;

/**
 * A guest's wish to reach somewhere, as an {@link EgressPolicy} sees it: once for each new flow.
 *
 * @param protocol    what it speaks
 * @param guest       the guest's address
 * @param destination where it wants to go
 * @param port        the destination's port; 0 for echo
 * @param names       the names that the gateway's DNS gave this address for, lately; empty if it knows none
 */
public record EgressRequest(Protocol protocol, InetAddress guest, InetAddress destination, int port,
        Set<String> names) {

    /** The protocols that a gateway passes on. */
    public enum Protocol {
        /** A connection. */
        TCP,
        /** Datagrams. */
        UDP,
        /** ICMP echo requests and their replies. */
        ECHO
    }

    /** Copies the names. */
    public EgressRequest {
        names = Set.copyOf(names);
    }
}
