package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/** The header of UDP (RFC 768), 8 bytes. */
public final class UdpHeader {

    /** Bytes. */
    public static final int SIZE = 8;
    /** Where in it the checksum lies. */
    public static final int CHECKSUM = 6;

    private UdpHeader() {}

    /** {@code Source Port}. */
    public static int sourcePort(MemorySegment segment, long at) {
        return Wire.u16(segment, at);
    }

    /** {@code Destination Port}. */
    public static int destinationPort(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 2);
    }

    /** {@code Length}, header included. */
    public static int length(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 4);
    }

    /** {@code Checksum}; 0 over IPv4 says that there is none. */
    public static int checksum(MemorySegment segment, long at) {
        return Wire.u16(segment, at + CHECKSUM);
    }

    /** Writes the header, its checksum zero. */
    public static void set(MemorySegment segment, long at, int sourcePort, int destinationPort, int length) {
        Wire.put16(segment, at, sourcePort);
        Wire.put16(segment, at + 2, destinationPort);
        Wire.put32(segment, at + 4, length << 16);
    }
}
