package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/** The header of IPv4 (RFC 791, 3.1), 20 bytes and options. */
public final class Ipv4Header {

    /** Bytes without options. */
    public static final int SIZE = 20;
    /** {@code flags}: don't fragment. */
    public static final int DONT_FRAGMENT = 0x4000;
    /** {@code flags}: more fragments. */
    public static final int MORE_FRAGMENTS = 0x2000;

    private Ipv4Header() {}

    /** {@code Version}. */
    public static int version(MemorySegment segment, long at) {
        return Wire.u8(segment, at) >>> 4;
    }

    /** {@code IHL} in bytes, 0 to 60. */
    public static int headerLength(MemorySegment segment, long at) {
        return (Wire.u8(segment, at) & 0xF) * 4;
    }

    /** {@code Type of Service}: DSCP and ECN. */
    public static int typeOfService(MemorySegment segment, long at) {
        return Wire.u8(segment, at + 1);
    }

    /** {@code Total Length}, header included. */
    public static int totalLength(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 2);
    }

    /** {@code Identification}. */
    public static int identification(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 4);
    }

    /** {@code Flags} and {@code Fragment Offset} as they lie. */
    public static int fragment(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 6);
    }

    /** {@code Fragment Offset} in bytes. */
    public static int fragmentOffset(MemorySegment segment, long at) {
        return (fragment(segment, at) & 0x1FFF) * 8;
    }

    /** Whether it is a part of a datagram. */
    public static boolean isFragment(MemorySegment segment, long at) {
        return (fragment(segment, at) & (MORE_FRAGMENTS | 0x1FFF)) != 0;
    }

    /** {@code Time to Live}. */
    public static int timeToLive(MemorySegment segment, long at) {
        return Wire.u8(segment, at + 8);
    }

    /** {@code Protocol}, see {@link IpProtocol}. */
    public static int protocol(MemorySegment segment, long at) {
        return Wire.u8(segment, at + 9);
    }

    /** {@code Header Checksum}. */
    public static int checksum(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 10);
    }

    /** {@code Source Address}. */
    public static int source(MemorySegment segment, long at) {
        return Wire.i32(segment, at + 12);
    }

    /** {@code Destination Address}. */
    public static int destination(MemorySegment segment, long at) {
        return Wire.i32(segment, at + 16);
    }

    /** Writes a header without options, with its checksum. */
    public static void set(MemorySegment segment, long at, int typeOfService, int totalLength, int identification,
            int fragment, int timeToLive, int protocol, int source, int destination) {
        Wire.put16(segment, at, 0x4500 | typeOfService & 0xFF);
        Wire.put16(segment, at + 2, totalLength);
        Wire.put16(segment, at + 4, identification);
        Wire.put16(segment, at + 6, fragment);
        Wire.put16(segment, at + 8, timeToLive << 8 | protocol & 0xFF);
        Wire.put32(segment, at + 12, source);
        Wire.put32(segment, at + 16, destination);
        finishChecksum(segment, at);
    }

    /** Computes {@code Header Checksum} anew and writes it. */
    public static void finishChecksum(MemorySegment segment, long at) {
        Wire.put16(segment, at + 10, 0);
        Wire.put16(segment, at + 10, Checksum.finish(Checksum.add(0, segment, at, headerLength(segment, at))));
    }

    /** Whether {@code Header Checksum} is right. */
    public static boolean isChecksumRight(MemorySegment segment, long at) {
        return Checksum.finish(Checksum.add(0, segment, at, headerLength(segment, at))) == 0;
    }
}
