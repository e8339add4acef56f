package dev.vz.net.dhcp;

import dev.vz.net.MacAddress;
import java.net.Inet4Address;
import org.jspecify.annotations.Nullable;

/**
 * An address that a guest has for a time.
 *
 * @param address the address
 * @param mac     the guest's Ethernet address
 * @param client  what the guest calls itself: its client identifier in hexadecimal, or its Ethernet address
 * @param name    the name that it gave, or {@code null}
 * @param expires when the lease ends, seconds since 1970
 */
public record Lease(Inet4Address address, MacAddress mac, String client, @Nullable String name, long expires) {}
