package dev.vz.bus;

import dev.vz.error.ConfigurationException;

/**
 * A half-open range of an address space: {@code [start, start + length)}.
 *
 * <p>
 * Addresses are unsigned. A range never wraps: {@code start + length} is at most 2<sup>64</sup>, and the last address is
 * {@link #last()}.
 *
 * @param start  first address, unsigned
 * @param length number of bytes, 1 or more
 */
public record AddressRange(long start, long length) implements Comparable<AddressRange> {

    /** Checks that the range is not empty and does not wrap. */
    public AddressRange {
        if (length <= 0) {
            throw new ConfigurationException("An address range needs a length of 1 byte or more, got " + length
                    + " at 0x" + Long.toHexString(start));
        }
        if (Long.compareUnsigned(start + (length - 1), start) < 0) {
            throw new ConfigurationException("The address range at 0x" + Long.toHexString(start) + " of 0x"
                    + Long.toHexString(length) + " bytes runs past the end of the address space");
        }
    }

    /** The range from {@code start} up to and including {@code last}. */
    public static AddressRange closed(long start, long last) {
        return new AddressRange(start, last - start + 1);
    }

    /** The last address inside, unsigned. */
    public long last() {
        return start + (length - 1);
    }

    /** Whether {@code address} is inside. */
    public boolean contains(long address) {
        return Long.compareUnsigned(address - start, length) < 0;
    }

    /** Whether all of {@code count} bytes (1 or more) from {@code address} are inside. */
    public boolean contains(long address, long count) {
        long offset = address - start;
        return count > 0 && Long.compareUnsigned(offset, length) < 0 && count <= length - offset;
    }

    /** Whether the two share an address. */
    public boolean overlaps(AddressRange other) {
        return contains(other.start) || other.contains(start);
    }

    @Override
    public int compareTo(AddressRange other) {
        int byStart = Long.compareUnsigned(start, other.start);
        return byStart != 0 ? byStart : Long.compare(length, other.length);
    }

    /** Hexadecimal bounds, both inclusive: {@code [0x3f8-0x3ff]}. */
    @Override
    public String toString() {
        return "[0x" + Long.toHexString(start) + "-0x" + Long.toHexString(last()) + "]";
    }
}
