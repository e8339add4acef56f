package dev.vz.net.bridge;

import dev.vz.error.ConfigurationException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import org.jspecify.annotations.Nullable;

/**
 * Allows or denies frames that pass a port. The first rule of a port that matches decides; if none does, the frame passes.
 * What a rule leaves out ({@code null}, or -1) matches everything. A rule with ports matches the first fragment of a packet,
 * which alone has them; the other fragments match it only if it denies.
 *
 * @param action          what to do
 * @param direction       which way
 * @param vlan            its VLAN, or -1
 * @param etherType       its {@code EtherType} behind all tags, or -1
 * @param sourceMac       from this station
 * @param destinationMac  to this station or group
 * @param source          from these IP addresses
 * @param destination     to these IP addresses
 * @param protocol        the protocol over IP, see {@link dev.vz.net.packet.IpProtocol}, or -1
 * @param sourcePort      from this TCP or UDP port
 * @param destinationPort to this TCP or UDP port
 */
public record Rule(Action action, Direction direction, int vlan, int etherType, @Nullable MacAddress sourceMac,
        @Nullable MacAddress destinationMac, @Nullable IpPrefix source, @Nullable IpPrefix destination, int protocol,
        @Nullable PortRange sourcePort, @Nullable PortRange destinationPort) {

    /** What becomes of a frame. */
    public enum Action {
        /** It passes. */
        ALLOW,
        /** It is dropped. */
        DENY
    }

    /** As the switch sees it. */
    public enum Direction {
        /** From the port into the switch. */
        IN,
        /** From the switch out of the port. */
        OUT
    }

    /**
     * TCP or UDP ports.
     *
     * @param first the lowest
     * @param last  the highest
     */
    public record PortRange(int first, int last) {

        /** Checks the order. */
        public PortRange {
            if (first < 0 || last > 65535 || first > last) {
                throw new ConfigurationException("A range of ports goes from 0 to 65535 at most, upwards: " + first
                        + "-" + last);
            }
        }

        boolean contains(int port) {
            return port >= first && port <= last;
        }
    }

    /** Checks that IP addresses are of one family, and that ports come with a protocol that has them. */
    public Rule {
        if (source != null && destination != null && source.isIpv4() != destination.isIpv4()) {
            throw new ConfigurationException("A rule is for IPv4 or for IPv6, not from " + source + " to "
                    + destination);
        }
        if ((sourcePort != null || destinationPort != null) && protocol != 6 && protocol != 17) {
            throw new ConfigurationException("A rule with ports is for protocol 6 (TCP) or 17 (UDP), not " + protocol);
        }
    }

    /** Everything, one way: a start for the methods below, or the last rule of a list. */
    public static Rule all(Action action, Direction direction) {
        return new Rule(action, direction, -1, -1, null, null, null, null, -1, null, null);
    }

    /** The same for one {@code EtherType}. */
    public Rule withEtherType(int type) {
        return new Rule(action, direction, vlan, type, sourceMac, destinationMac, source, destination, protocol,
                sourcePort, destinationPort);
    }

    /** The same for one VLAN. */
    public Rule withVlan(int number) {
        return new Rule(action, direction, number, etherType, sourceMac, destinationMac, source, destination, protocol,
                sourcePort, destinationPort);
    }

    /** The same from one station to another, either of them {@code null} for any. */
    public Rule withStations(@Nullable MacAddress from, @Nullable MacAddress to) {
        return new Rule(action, direction, vlan, etherType, from, to, source, destination, protocol, sourcePort,
                destinationPort);
    }

    /** The same from and to IP addresses, either of them {@code null} for any. */
    public Rule withAddresses(@Nullable IpPrefix from, @Nullable IpPrefix to) {
        return new Rule(action, direction, vlan, etherType, sourceMac, destinationMac, from, to, protocol, sourcePort,
                destinationPort);
    }

    /** The same for a protocol over IP and, for TCP and UDP, ports, either of them {@code null} for any. */
    public Rule withProtocol(int number, @Nullable PortRange from, @Nullable PortRange to) {
        return new Rule(action, direction, vlan, etherType, sourceMac, destinationMac, source, destination, number,
                from, to);
    }
}
