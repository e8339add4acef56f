package dev.vz.net.definition;

import dev.vz.error.ConfigurationException;
import dev.vz.net.MacAddress;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A virtual network.
 *
 * @param name       its name, without slashes or control characters
 * @param uuid       its identity; {@code null} until somebody defines it
 * @param forward    how it reaches the world; {@code null} if it does not: an isolated network
 * @param bridge     the switch; {@code null} lets one be chosen
 * @param mac        the address of the host's own interface in it; {@code null} lets one be chosen
 * @param mtu        bytes after the Ethernet header; 0 for the standard, 1500
 * @param domain     the DNS domain; {@code null} for none
 * @param dns        what the network's DNS server knows; {@code null} for the usual
 * @param vlans      the VLANs of all its guests; {@code null} for none
 * @param addresses  the host's addresses in it, each with what it serves there
 * @param routes     further networks that are reached through stations of this one
 * @param portGroups kinds of guests
 */
public record NetworkDefinition(String name, @Nullable UUID uuid, @Nullable Forward forward, @Nullable Bridge bridge,
        @Nullable MacAddress mac, int mtu, @Nullable Domain domain, @Nullable DnsDefinition dns, @Nullable Vlans vlans,
        List<AddressDefinition> addresses, List<RouteDefinition> routes, List<PortGroup> portGroups) {

    private static final Pattern NAME = Pattern.compile("[^/\\p{Cntrl}]{1,255}");

    /** How a network reaches the world. */
    public enum Mode {
        /** Guests hide behind the host's addresses. */
        NAT,
        /** Guests' packets are routed as they are. */
        ROUTE,
        /** The same, without any rules against it. */
        OPEN,
        /** Guests are connected to a bridge that somebody else runs. */
        BRIDGE
    }

    /**
     * How a network reaches the world.
     *
     * @param mode           the way
     * @param device         the only interface that is used; {@code null} for any
     * @param nat            details, only for {@link Mode#NAT}
     */
    public record Forward(Mode mode, @Nullable String device, @Nullable Nat nat) {

        /** Checks that details of NAT come with NAT. */
        public Forward {
            if (nat != null && mode != Mode.NAT) {
                throw new ConfigurationException("A network has details of NAT, but its forward mode is " + mode);
            }
        }
    }

    /**
     * Details of NAT.
     *
     * @param firstPort the lowest port that connections come from; 0 for the usual
     * @param lastPort  the highest
     * @param ipv6      whether IPv6 is translated, too
     */
    public record Nat(int firstPort, int lastPort, boolean ipv6) {

        /** Checks the order. */
        public Nat {
            if (firstPort < 0 || lastPort > 65535 || firstPort > lastPort) {
                throw new ConfigurationException("The ports of NAT go upwards and up to 65535, not from " + firstPort
                        + " to " + lastPort);
            }
        }
    }

    /**
     * The switch.
     *
     * @param name         the interface's name; {@code null} lets one be chosen
     * @param spanningTree whether it takes part in the spanning tree protocol
     * @param delay        seconds before a port forwards
     */
    public record Bridge(@Nullable String name, boolean spanningTree, int delay) {}

    /**
     * The DNS domain.
     *
     * @param name      for example {@code example.com}
     * @param localOnly whether questions about it are never asked elsewhere
     */
    public record Domain(String name, boolean localOnly) {}

    /**
     * The VLANs of ports: one is an access port, several are a trunk.
     *
     * @param tags   VLANs
     * @param trunk  whether it is a trunk even with one VLAN
     * @param untagged the VLAN of frames without a tag on a trunk; 0 for none
     */
    public record Vlans(List<Integer> tags, boolean trunk, int untagged) {

        /** Checks the numbers. */
        public Vlans {
            tags = List.copyOf(tags);
            if (tags.isEmpty() || tags.size() > 1 && !trunk || untagged != 0 && !tags.contains(untagged)
                    || tags.stream().anyMatch(tag -> tag < 1 || tag > 4094)) {
                throw new ConfigurationException(
                        "VLANs are numbers from 1 to 4094, several only on a trunk, the native "
                                + "one among them: " + tags + ", native " + untagged);
            }
        }
    }

    /**
     * A kind of guests.
     *
     * @param name      what guests ask for
     * @param isDefault whether guests that ask for none are of it
     * @param vlans     its VLANs; {@code null} for the network's
     */
    public record PortGroup(String name, boolean isDefault, @Nullable Vlans vlans) {}

    /** Checks what belongs together. */
    public NetworkDefinition {
        addresses = List.copyOf(addresses);
        routes = List.copyOf(routes);
        portGroups = List.copyOf(portGroups);
        if (!NAME.matcher(name).matches() || name.equals(".") || name.equals("..")) {
            throw new ConfigurationException("A network's name has 1 to 255 characters, no slash and no control "
                    + "characters, not \"" + name + "\"");
        }
        if (mtu != 0 && (mtu < 68 || mtu > 65535)) {
            throw new ConfigurationException("The MTU of network " + name + " is 68 to 65535 bytes, not " + mtu);
        }
        if (forward != null && forward.mode() == Mode.BRIDGE
                && (!addresses.isEmpty() || bridge == null || bridge.name() == null)) {
            throw new ConfigurationException(
                    "Network " + name + " uses a bridge of somebody else's: it names it and has "
                            + "no addresses");
        }
        if (portGroups.stream().filter(PortGroup::isDefault).count() > 1
                || portGroups.stream().map(PortGroup::name).distinct().count() < portGroups.size()) {
            throw new ConfigurationException("The port groups of network " + name
                    + " have different names, and one of them at most is the default");
        }
    }

    /** The same with an identity. */
    public NetworkDefinition withUuid(UUID identity) {
        return new NetworkDefinition(name, identity, forward, bridge, mac, mtu, domain, dns, vlans, addresses, routes,
                portGroups);
    }

    /** The same with a bridge. */
    public NetworkDefinition withBridge(Bridge other) {
        return new NetworkDefinition(name, uuid, forward, other, mac, mtu, domain, dns, vlans, addresses, routes,
                portGroups);
    }

    /** The same with an address of the host's interface. */
    public NetworkDefinition withMac(MacAddress other) {
        return new NetworkDefinition(name, uuid, forward, bridge, other, mtu, domain, dns, vlans, addresses, routes,
                portGroups);
    }
}
