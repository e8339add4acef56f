package dev.vz.net.dhcp;

import dev.vz.error.ConfigurationException;
import dev.vz.net.IpPrefix;
import dev.vz.net.MacAddress;
import java.net.Inet4Address;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link DhcpServer} gives.
 *
 * @param server       the server's own address and its network
 * @param first        the first address that it gives
 * @param last         the last one
 * @param router       the guests' router, or {@code null} for none
 * @param dns          name servers
 * @param domain       the domain, or {@code null} for none
 * @param mtu          the link's MTU, or 0 to say nothing
 * @param leaseTime    how long a lease lasts
 * @param reservations addresses that belong to one guest each; they need not be between first and last
 * @param boot         for network boot, or {@code null}
 * @param options      further options, by code, for whoever asks for them
 */
public record DhcpConfiguration(IpPrefix server, Inet4Address first, Inet4Address last, @Nullable Inet4Address router,
        List<Inet4Address> dns, @Nullable String domain, int mtu, Duration leaseTime,
        Map<MacAddress, Reservation> reservations, @Nullable Boot boot, Map<Integer, byte[]> options) {

    /**
     * An address that belongs to one guest.
     *
     * @param address the address
     * @param name    the guest's name, or {@code null}
     */
    public record Reservation(Inet4Address address, @Nullable String name) {}

    /**
     * Network boot.
     *
     * @param server where the file is
     * @param file   its name
     */
    public record Boot(Inet4Address server, String file) {}

    /** Checks that the addresses are of the network. */
    public DhcpConfiguration {
        dns = List.copyOf(dns);
        reservations = Map.copyOf(reservations);
        options = Map.copyOf(options);
        int from = IpPrefix.number(first);
        int to = IpPrefix.number(last);
        if (!server.isIpv4() || !server.contains(first) || !server.contains(last)
                || Integer.compareUnsigned(from, to) > 0) {
            throw new ConfigurationException("DHCP gives addresses of its own network " + server + ", not "
                    + first.getHostAddress() + " to " + last.getHostAddress());
        }
        if (to - from >= 1 << 16) {
            throw new ConfigurationException("A range of " + (1L + to - from) + " addresses for DHCP exceeds 65536");
        }
        if (leaseTime.toSeconds() < 10 || leaseTime.toSeconds() > Integer.MAX_VALUE) {
            throw new ConfigurationException("A DHCP lease lasts at least 10 s, not " + leaseTime);
        }
        for (var reservation : reservations.entrySet()) {
            if (!server.contains(reservation.getValue().address())) {
                throw new ConfigurationException(
                        "The reservation of " + reservation.getValue().address().getHostAddress()
                                + " for " + reservation.getKey() + " is not in " + server);
            }
        }
    }

    /** A server that is router and name server, too, and gives {@code first} to {@code last} for an hour. */
    public static DhcpConfiguration of(IpPrefix server, Inet4Address first, Inet4Address last) {
        var own = (Inet4Address) server.address();
        return new DhcpConfiguration(server, first, last, own, List.of(own), null, 0, Duration.ofHours(1), Map.of(),
                null, Map.of());
    }

    /** The same in text: {@code of("10.0.2.2/24", "10.0.2.15", "10.0.2.99")}. */
    public static DhcpConfiguration of(String server, String first, String last) {
        if (!(IpPrefix.address(first) instanceof Inet4Address from)
                || !(IpPrefix.address(last) instanceof Inet4Address to)) {
            throw new ConfigurationException("DHCP gives addresses of IPv4, not " + first + " to " + last);
        }
        return of(IpPrefix.parse(server), from, to);
    }

    /** With another time that leases last. */
    public DhcpConfiguration withLeaseTime(Duration leaseTime) {
        return new DhcpConfiguration(server, first, last, router, dns, domain, mtu, leaseTime, reservations, boot,
                options);
    }

    /** With a domain. */
    public DhcpConfiguration withDomain(@Nullable String domain) {
        return new DhcpConfiguration(server, first, last, router, dns, domain, mtu, leaseTime, reservations, boot,
                options);
    }

    /** With an MTU. */
    public DhcpConfiguration withMtu(int mtu) {
        return new DhcpConfiguration(server, first, last, router, dns, domain, mtu, leaseTime, reservations, boot,
                options);
    }

    /** With one more reservation. */
    public DhcpConfiguration withReservation(MacAddress mac, Inet4Address address, @Nullable String name) {
        var more = new LinkedHashMap<>(reservations);
        more.put(mac, new Reservation(address, name));
        return new DhcpConfiguration(server, first, last, router, dns, domain, mtu, leaseTime, more, boot, options);
    }

    /** With network boot. */
    public DhcpConfiguration withBoot(Boot boot) {
        return new DhcpConfiguration(server, first, last, router, dns, domain, mtu, leaseTime, reservations, boot,
                options);
    }

    /** With one more option, for whoever asks for it. */
    public DhcpConfiguration withOption(int code, byte... value) {
        var more = new LinkedHashMap<>(options);
        more.put(code, value.clone());
        return new DhcpConfiguration(server, first, last, router, dns, domain, mtu, leaseTime, reservations, boot,
                more);
    }
}
