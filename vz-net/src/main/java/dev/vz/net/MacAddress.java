package dev.vz.net;

import dev.vz.error.FormatException;
import java.util.HexFormat;

/**
 * An Ethernet address, 48 bits.
 *
 * @param value the address as a number; its first byte on the wire is the highest of the six
 */
public record MacAddress(long value) implements Comparable<MacAddress> {

    /** All stations: ff:ff:ff:ff:ff:ff. */
    public static final MacAddress BROADCAST = new MacAddress(0xFFFF_FFFF_FFFFL);

    /** The bits that an address has. */
    public static final long MASK = 0xFFFF_FFFF_FFFFL;

    private static final long GROUP = 1L << 40;
    private static final long LOCAL = 1L << 41;

    /** Checks that the number has 48 bits. */
    public MacAddress {
        if ((value & ~MASK) != 0) {
            throw new FormatException("An Ethernet address has 48 bits, got 0x" + Long.toHexString(value));
        }
    }

    /** Reads {@code "52:54:00:12:34:56"}; dashes do as well as colons. */
    public static MacAddress parse(String text) {
        if (text.length() == 17) {
            char separator = text.charAt(2);
            boolean regular = separator == ':' || separator == '-';
            long value = 0;
            for (int i = 0; i < 17 && regular; i++) {
                char c = text.charAt(i);
                if (i % 3 == 2) {
                    regular = c == separator;
                } else {
                    regular = HexFormat.isHexDigit(c);
                    value = regular ? value << 4 | HexFormat.fromHexDigit(c) : value;
                }
            }
            if (regular) {
                return new MacAddress(value);
            }
        }
        throw new FormatException("An Ethernet address looks like 52:54:00:12:34:56, not \"" + text + "\"");
    }

    /** The address in six bytes from {@code offset} on. */
    public static MacAddress of(byte[] bytes, int offset) {
        long value = 0;
        for (int i = 0; i < 6; i++) {
            value = value << 8 | bytes[offset + i] & 0xFF;
        }
        return new MacAddress(value);
    }

    /** Six bytes in wire order. */
    public byte[] bytes() {
        byte[] bytes = new byte[6];
        for (int i = 0; i < 6; i++) {
            bytes[i] = (byte) (value >>> 40 - 8 * i);
        }
        return bytes;
    }

    /** Whether it names a group of stations, all of them included. */
    public boolean isMulticast() {
        return isMulticast(value);
    }

    /** {@link #isMulticast()} for an address that is only a number. */
    public static boolean isMulticast(long address) {
        return (address & GROUP) != 0;
    }

    /** Whether it was given by an administrator instead of a manufacturer. */
    public boolean isLocal() {
        return (value & LOCAL) != 0;
    }

    @Override
    public int compareTo(MacAddress other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        var text = new StringBuilder(17);
        for (int shift = 40; shift >= 0; shift -= 8) {
            HexFormat.of().toHexDigits(text, (byte) (value >>> shift));
            if (shift > 0) {
                text.append(':');
            }
        }
        return text.toString();
    }
}
