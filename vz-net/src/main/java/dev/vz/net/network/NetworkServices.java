package dev.vz.net.network;

import dev.vz.link.LinkPort;
import dev.vz.net.definition.NetworkDefinition;

/** What a network offers its guests beside each other: a gateway, DHCP, DNS. */
@FunctionalInterface
public interface NetworkServices {

    /** A network of which nobody offers anything: guests reach each other only. */
    NetworkServices NONE = (network, host) -> () -> {};

    /**
     * Begins to offer what {@code network} says.
     *
     * @param host the host's end of a cable into the network's switch, which becomes the service's
     * @return ends it
     */
    Service offer(NetworkDefinition network, LinkPort host);

    /** Services under way. */
    @FunctionalInterface
    interface Service extends AutoCloseable {
        /** Ends them; does nothing the second time. */
        @Override
        void close();
    }
}
