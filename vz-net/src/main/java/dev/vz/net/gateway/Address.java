package dev.vz.net.gateway;

import dev.vz.linux.socket.SocketName;
import dev.vz.net.IpPrefix;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;

/** IP addresses as two longs, IPv4 mapped into IPv6 as {@link SocketName} has it. */
final class Address {

    private Address() {}

    /** The lower half of a mapped IPv4 address. */
    static long mapped(int ipv4) {
        return SocketName.IPV4_MAPPED | ipv4 & 0xFFFF_FFFFL;
    }

    static boolean isIpv4(long high, long low) {
        return SocketName.isIpv4(high, low);
    }

    static long high(InetAddress address) {
        return address instanceof Inet4Address ? 0 : ByteBuffer.wrap(address.getAddress()).getLong(0);
    }

    static long low(InetAddress address) {
        return address instanceof Inet4Address ipv4
                ? mapped(IpPrefix.number(ipv4))
                : ByteBuffer.wrap(address.getAddress()).getLong(8);
    }

    static InetAddress toInet(long high, long low) {
        return isIpv4(high, low)
                ? IpPrefix.inet4((int) low)
                : IpPrefix.inet(ByteBuffer.allocate(16).putLong(high).putLong(low).array());
    }

    /** Whether an address reaches this host only: 127.0.0.0/8, ::1, and the unspecified ones, which Linux takes for it. */
    static boolean isLoopback(long high, long low) {
        return isIpv4(high, low) ? (low >>> 24 & 0xFF) == 127 || (low >>> 24 & 0xFF) == 0
                : high == 0 && (low == 1 || low == 0);
    }

    /** 169.254.0.0/16, where clouds keep their metadata, and fe80::/10. */
    static boolean isLinkLocal(long high, long low) {
        return isIpv4(high, low) ? (low >>> 16 & 0xFFFF) == 0xA9FE : high >>> 54 == 0x3FA;
    }

    /** Groups, the broadcast address, and what is reserved above them. */
    static boolean isGroup(long high, long low) {
        return isIpv4(high, low) ? (low >>> 28 & 0xF) >= 0xE : high >>> 56 == 0xFF;
    }

    /**
     * Whether an IPv6 address stands for an IPv4 one (RFC 4291, 2.5.5): mapped as a real destination, compatible, or
     * translated (64:ff9b::/96). Such a packet would slip past a rule about the IPv4 address.
     */
    static boolean isDisguisedIpv4(long high, long low) {
        return high == 0 && low >>> 32 == 0 && low > 1 || high == 0x0064_FF9B_0000_0000L && low >>> 32 == 0;
    }
}
