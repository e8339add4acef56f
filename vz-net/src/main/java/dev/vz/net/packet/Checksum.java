package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The Internet checksum (RFC 1071). A sum under way is a {@code long} of 16-bit words added up, in network byte order; it
 * can go on over several ranges as long as each but the last has an even number of bytes. {@link #finish} makes the field
 * of it.
 */
public final class Checksum {

    // Byte order does not matter to a ones' complement sum (RFC 1071, 2 (B)); big-endian keeps partial sums readable.
    private static final ValueLayout.OfLong WORDS = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Checksum() {}

    /** {@code sum} with {@code length} bytes added; an odd last byte counts as the high half of a word. */
    public static long add(long sum, MemorySegment segment, long at, long length) {
        long total = sum;
        long i = at;
        long end = at + length;
        // Two 32-bit halves at a time: their sum cannot overflow 63 bits within any frame.
        for (; i + 8 <= end; i += 8) {
            long eight = segment.get(WORDS, i);
            total += (eight >>> 32) + (eight & 0xFFFF_FFFFL);
        }
        for (; i + 2 <= end; i += 2) {
            total += Wire.u16(segment, i);
        }
        return i < end ? total + ((long) Wire.u8(segment, i) << 8) : total;
    }

    /** The sum of TCP's and UDP's pseudo-header over IPv4 (RFC 9293, 3.1). */
    public static long pseudo4(int source, int destination, int protocol, int length) {
        return (source & 0xFFFF_FFFFL) + (destination & 0xFFFF_FFFFL) + protocol + length;
    }

    /** The sum of the pseudo-header over IPv6 (RFC 8200, 8.1), whose two addresses lie one behind the other. */
    public static long pseudo6(MemorySegment segment, long addresses, int nextHeader, int length) {
        return add(0, segment, addresses, 32) + nextHeader + length;
    }

    /** The 16-bit ones' complement sum, not inverted: what a field holds whose data is yet to be summed. */
    public static int fold(long sum) {
        long folded = (sum >>> 32) + (sum & 0xFFFF_FFFFL);
        folded = (folded >>> 16) + (folded & 0xFFFF);
        folded = (folded >>> 16) + (folded & 0xFFFF);
        return (int) ((folded >>> 16) + (folded & 0xFFFF));
    }

    /** The field: the folded sum inverted. */
    public static int finish(long sum) {
        return ~fold(sum) & 0xFFFF;
    }

    /** The field of UDP, where 0 would mean that there is none (RFC 768). */
    public static int finishUdp(long sum) {
        int field = finish(sum);
        return field == 0 ? 0xFFFF : field;
    }

    /** {@code field} after a 16-bit word that it covers changed (RFC 1624, equation 3). */
    public static int update(int field, int before, int after) {
        return finish((~field & 0xFFFFL) + (~before & 0xFFFFL) + (after & 0xFFFFL));
    }

    /** {@code field} after a 32-bit number that it covers changed. */
    public static int update32(int field, int before, int after) {
        return update(update(field, before >>> 16, after >>> 16), before, after);
    }
}
