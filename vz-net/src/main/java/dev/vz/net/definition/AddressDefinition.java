package dev.vz.net.definition;

import dev.vz.error.ConfigurationException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An address of the host in a network, and what it serves there.
 *
 * @param address     the address with its network
 * @param dhcpRanges  addresses to give away
 * @param dhcpHosts   addresses that are kept for stations
 * @param tftpRoot    the folder of a TFTP server; {@code null} for none
 * @param bootFile    the file that stations boot; {@code null} for none
 * @param bootServer  the server that has it; {@code null} for this address
 */
public record AddressDefinition(IpPrefix address, List<Range> dhcpRanges, List<Host> dhcpHosts,
        @Nullable String tftpRoot, @Nullable String bootFile, @Nullable InetAddress bootServer) {

    /**
     * Addresses from one to another.
     *
     * @param start the first
     * @param end   the last
     */
    public record Range(InetAddress start, InetAddress end) {}

    /**
     * An address that is kept for a station.
     *
     * @param mac        the station's address; {@code null} if it is known by {@code id}
     * @param identifier the station's DHCPv6 identifier; {@code null} if it is known by {@code mac}
     * @param name       its name; {@code null} for none
     * @param address    its address
     */
    public record Host(@Nullable MacAddress mac, @Nullable String identifier, @Nullable String name,
            InetAddress address) {}

    /** Checks that what is served lies in the network. */
    public AddressDefinition {
        dhcpRanges = List.copyOf(dhcpRanges);
        dhcpHosts = List.copyOf(dhcpHosts);
        for (Range range : dhcpRanges) {
            if (!address.contains(range.start()) || !address.contains(range.end())
                    || compare(range.start(), range.end()) > 0) {
                throw new ConfigurationException(
                        "The addresses to give away, " + range.start().getHostAddress() + " to "
                                + range.end().getHostAddress() + ", go upwards and lie in " + address);
            }
        }
        for (Host host : dhcpHosts) {
            if (!address.contains(host.address())) {
                throw new ConfigurationException("The address " + host.address().getHostAddress()
                        + " that is kept for a station does not lie in " + address);
            }
        }
    }

    private static int compare(InetAddress left, InetAddress right) {
        return Arrays.compareUnsigned(left.getAddress(), right.getAddress());
    }
}
