package dev.vz.net.gateway;

import dev.vz.error.ConfigurationException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Gateway} is. Immutable; change it with the {@code with} methods.
 *
 * @param mac             the gateway's Ethernet address
 * @param ipv4            the gateway's IPv4 address and its guests' network, or {@code null} for none
 * @param ipv6            the gateway's IPv6 address and its guests' network, or {@code null} for none
 * @param mtu             bytes of an IP packet on the link, 1280 to 65521
 * @param policy          where guests may go
 * @param allowHost       whether guests reach the host's own addresses (not its loopback) without a port forward
 * @param allowLinkLocal  whether guests reach link-local addresses, such as 169.254.169.254
 * @param hostLoopback    an address that stands for the host's loopback (127.0.0.1 or ::1), or {@code null} for none
 * @param limits          quotas and timeouts
 * @param exceptions      ranges that guests reach although one of the rules above says no
 */
public record GatewayConfiguration(MacAddress mac, @Nullable IpPrefix ipv4, @Nullable IpPrefix ipv6, int mtu,
        EgressPolicy policy, boolean allowHost, boolean allowLinkLocal, @Nullable IpPrefix hostLoopback,
        GatewayLimits limits, List<IpPrefix> exceptions) {

    /** Checks what can be checked. */
    public GatewayConfiguration {
        if (ipv4 == null && ipv6 == null) {
            throw new ConfigurationException("A gateway needs an IPv4 or an IPv6 address");
        }
        if (ipv4 != null && !ipv4.isIpv4() || ipv6 != null && ipv6.isIpv4()) {
            throw new ConfigurationException("A gateway's addresses are one of IPv4 and one of IPv6, not " + ipv4
                    + " and " + ipv6);
        }
        if (mtu < 1280 || mtu > 65_521) {
            throw new ConfigurationException("The MTU of a gateway is 1280 to 65521 bytes, not " + mtu);
        }
        if (mac.isMulticast()) {
            throw new ConfigurationException("A gateway's Ethernet address cannot be a group: " + mac);
        }
        exceptions = List.copyOf(exceptions);
    }

    /** 10.0.2.2/24 and fd00::2/64, MTU 1500, open to the world but not to the host. */
    public static GatewayConfiguration standard() {
        return new GatewayConfiguration(MacAddress.parse("52:55:0a:00:02:02"), IpPrefix.parse("10.0.2.2/24"),
                IpPrefix.parse("fd00::2/64"), 1500, EgressPolicy.allowAll(), false, false, null,
                GatewayLimits.standard(), List.of());
    }

    /** With other addresses. */
    public GatewayConfiguration withAddresses(@Nullable IpPrefix ipv4, @Nullable IpPrefix ipv6) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowLinkLocal, hostLoopback, limits,
                exceptions);
    }

    /** With another Ethernet address. */
    public GatewayConfiguration withMac(MacAddress mac) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowLinkLocal, hostLoopback, limits,
                exceptions);
    }

    /** With another MTU. */
    public GatewayConfiguration withMtu(int mtu) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowLinkLocal, hostLoopback, limits,
                exceptions);
    }

    /** With another policy. */
    public GatewayConfiguration withPolicy(EgressPolicy policy) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowLinkLocal, hostLoopback, limits,
                exceptions);
    }

    /** With the host's own addresses open to guests, or not. */
    public GatewayConfiguration withHost(boolean allowed) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowed, allowLinkLocal, hostLoopback, limits,
                exceptions);
    }

    /** With link-local addresses open to guests, or not. */
    public GatewayConfiguration withLinkLocal(boolean allowed) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowed, hostLoopback, limits,
                exceptions);
    }

    /** With an address that stands for the host's loopback. */
    public GatewayConfiguration withHostLoopback(@Nullable IpPrefix address) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowLinkLocal, address, limits,
                exceptions);
    }

    /** With other quotas and timeouts. */
    public GatewayConfiguration withLimits(GatewayLimits limits) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowLinkLocal, hostLoopback, limits,
                exceptions);
    }

    /** With ranges that are open whatever else is said. */
    public GatewayConfiguration withExceptions(List<IpPrefix> exceptions) {
        return new GatewayConfiguration(mac, ipv4, ipv6, mtu, policy, allowHost, allowLinkLocal, hostLoopback, limits,
                exceptions);
    }
}
