package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/** The header of IPv6 (RFC 8200, 3), 40 bytes. */
public final class Ipv6Header {

    /** Bytes. */
    public static final int SIZE = 40;
    /** Where in it the source address starts; the destination follows. */
    public static final int ADDRESSES = 8;

    private Ipv6Header() {}

    /** {@code Version}. */
    public static int version(MemorySegment segment, long at) {
        return Wire.u8(segment, at) >>> 4;
    }

    /** {@code Traffic Class}. */
    public static int trafficClass(MemorySegment segment, long at) {
        return Wire.u16(segment, at) >>> 4 & 0xFF;
    }

    /** {@code Flow Label}. */
    public static int flowLabel(MemorySegment segment, long at) {
        return Wire.i32(segment, at) & 0xFFFFF;
    }

    /** {@code Payload Length}, without this header. */
    public static int payloadLength(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 4);
    }

    /** {@code Next Header}, see {@link IpProtocol}. */
    public static int nextHeader(MemorySegment segment, long at) {
        return Wire.u8(segment, at + 6);
    }

    /** {@code Hop Limit}. */
    public static int hopLimit(MemorySegment segment, long at) {
        return Wire.u8(segment, at + 7);
    }

    /** {@code Source Address}, first half. */
    public static long sourceHigh(MemorySegment segment, long at) {
        return Wire.i64(segment, at + 8);
    }

    /** {@code Source Address}, second half. */
    public static long sourceLow(MemorySegment segment, long at) {
        return Wire.i64(segment, at + 16);
    }

    /** {@code Destination Address}, first half. */
    public static long destinationHigh(MemorySegment segment, long at) {
        return Wire.i64(segment, at + 24);
    }

    /** {@code Destination Address}, second half. */
    public static long destinationLow(MemorySegment segment, long at) {
        return Wire.i64(segment, at + 32);
    }

    /** Writes the header. */
    public static void set(MemorySegment segment, long at, int trafficClass, int flowLabel, int payloadLength,
            int nextHeader, int hopLimit, long sourceHigh, long sourceLow, long destinationHigh, long destinationLow) {
        Wire.put32(segment, at, 0x6000_0000 | (trafficClass & 0xFF) << 20 | flowLabel & 0xFFFFF);
        Wire.put16(segment, at + 4, payloadLength);
        Wire.put16(segment, at + 6, nextHeader << 8 | hopLimit & 0xFF);
        Wire.put64(segment, at + 8, sourceHigh);
        Wire.put64(segment, at + 16, sourceLow);
        Wire.put64(segment, at + 24, destinationHigh);
        Wire.put64(segment, at + 32, destinationLow);
    }
}
