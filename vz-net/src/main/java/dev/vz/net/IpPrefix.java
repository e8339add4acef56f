package dev.vz.net;

import dev.vz.error.FormatException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

/**
 * A range of IP addresses that share their first bits, IPv4 or IPv6: {@code 192.168.122.0/24}.
 *
 * @param address an address of the range; its further bits are kept, so that {@code 192.168.122.1/24} can say both an
 *                interface's address and its network
 * @param length  how many bits are shared, 0 to 32 or 128
 */
public record IpPrefix(InetAddress address, int length) {

    /** Checks the length. */
    public IpPrefix {
        int bits = address.getAddress().length * 8;
        if (length < 0 || length > bits) {
            throw new FormatException("The prefix of " + address.getHostAddress() + " has 0 to " + bits + " bits, not "
                    + length);
        }
    }

    /** Reads {@code ADDRESS/LENGTH}, or an address alone, which is a range of one. Never asks DNS. */
    public static IpPrefix parse(String text) {
        int slash = text.indexOf('/');
        InetAddress address = address(slash < 0 ? text : text.substring(0, slash));
        int bits = address.getAddress().length * 8;
        if (slash < 0) {
            return new IpPrefix(address, bits);
        }
        String length = text.substring(slash + 1);
        if (length.isEmpty() || length.length() > 3 || !length.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new FormatException("The length of a prefix is a number from 0 to " + bits + ", not \"" + length
                    + "\" as in \"" + text + "\"");
        }
        return new IpPrefix(address, Integer.parseInt(length));
    }

    /** Reads an address in numbers, {@code 192.168.122.1} or {@code fd00::1}. Never asks DNS. */
    public static InetAddress address(String text) {
        try {
            return InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException wrong) {
            throw new FormatException("An IP address looks like 192.168.122.1 or fd00::1, not \"" + text + "\"", wrong);
        }
    }

    /** The address that four bytes, highest first, make. */
    public static Inet4Address inet4(int address) {
        byte[] bytes = {(byte) (address >>> 24), (byte) (address >>> 16), (byte) (address >>> 8), (byte) address};
        return (Inet4Address) inet(bytes);
    }

    /** The address that 4 or 16 bytes make. */
    public static InetAddress inet(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException wrong) {
            throw new FormatException("An IP address has 4 or 16 bytes, not " + bytes.length, wrong);
        }
    }

    /** An IPv4 address as a number, its first byte highest. */
    public static int number(Inet4Address address) {
        byte[] b = address.getAddress();
        return b[0] << 24 | (b[1] & 0xFF) << 16 | (b[2] & 0xFF) << 8 | b[3] & 0xFF;
    }

    /** Whether it is one of IPv4. */
    public boolean isIpv4() {
        return address instanceof Inet4Address;
    }

    /** The first address of the range. */
    public InetAddress network() {
        return masked(0);
    }

    /** The last address of the range; for IPv4 its broadcast address. */
    public InetAddress last() {
        return masked(0xFF);
    }

    /** The same range, named by its first address. */
    public IpPrefix normalized() {
        return new IpPrefix(network(), length);
    }

    /** Whether {@code other} is of the same family and in the range. */
    public boolean contains(InetAddress other) {
        byte[] a = address.getAddress();
        byte[] b = other.getAddress();
        if (a.length != b.length) {
            return false;
        }
        for (int i = 0; i < a.length; i++) {
            if (((a[i] ^ b[i]) & mask(i)) != 0) {
                return false;
            }
        }
        return true;
    }

    /** Whether the two ranges have an address in common. */
    public boolean overlaps(IpPrefix other) {
        return length <= other.length ? contains(other.address) : other.contains(address);
    }

    /** The netmask, for example {@code 255.255.255.0}. */
    public InetAddress netmask() {
        byte[] bytes = new byte[address.getAddress().length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) mask(i);
        }
        return inet(bytes);
    }

    private int mask(int index) {
        int bits = Math.clamp(length - 8L * index, 0, 8);
        return 0xFF00 >> bits & 0xFF;
    }

    private InetAddress masked(int rest) {
        byte[] bytes = address.getAddress();
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (bytes[i] & mask(i) | rest & ~mask(i));
        }
        return inet(bytes);
    }

    @Override
    public String toString() {
        return address.getHostAddress() + "/" + length;
    }
}
