package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/** The header of TCP (RFC 9293, 3.1), 20 bytes and options. */
public final class TcpHeader {

    /** Bytes without options. */
    public static final int SIZE = 20;
    /** Where in it the checksum lies. */
    public static final int CHECKSUM = 16;

    /** Control bit. */
    public static final int FIN = 0x01;
    /** Control bit. */
    public static final int SYN = 0x02;
    /** Control bit. */
    public static final int RST = 0x04;
    /** Control bit. */
    public static final int PSH = 0x08;
    /** Control bit. */
    public static final int ACK = 0x10;
    /** Control bit. */
    public static final int URG = 0x20;
    /** Control bit: ECN echo. */
    public static final int ECE = 0x40;
    /** Control bit: congestion window reduced. */
    public static final int CWR = 0x80;

    private TcpHeader() {}

    /** {@code Source Port}. */
    public static int sourcePort(MemorySegment segment, long at) {
        return Wire.u16(segment, at);
    }

    /** {@code Destination Port}. */
    public static int destinationPort(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 2);
    }

    /** {@code Sequence Number}. */
    public static int sequence(MemorySegment segment, long at) {
        return Wire.i32(segment, at + 4);
    }

    /** {@code Acknowledgment Number}. */
    public static int acknowledgment(MemorySegment segment, long at) {
        return Wire.i32(segment, at + 8);
    }

    /** {@code Data Offset} in bytes, 0 to 60. */
    public static int headerLength(MemorySegment segment, long at) {
        return (Wire.u8(segment, at + 12) >>> 4) * 4;
    }

    /** The control bits. */
    public static int flags(MemorySegment segment, long at) {
        return Wire.u8(segment, at + 13);
    }

    /** {@code Window}, not scaled. */
    public static int window(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 14);
    }

    /** {@code Checksum}. */
    public static int checksum(MemorySegment segment, long at) {
        return Wire.u16(segment, at + CHECKSUM);
    }

    /** {@code Urgent Pointer}. */
    public static int urgentPointer(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 18);
    }

    /** Writes a header, its checksum and urgent pointer zero. {@code headerLength} is in bytes, a multiple of 4. */
    public static void set(MemorySegment segment, long at, int sourcePort, int destinationPort, int sequence,
            int acknowledgment, int headerLength, int flags, int window) {
        Wire.put16(segment, at, sourcePort);
        Wire.put16(segment, at + 2, destinationPort);
        Wire.put32(segment, at + 4, sequence);
        Wire.put32(segment, at + 8, acknowledgment);
        Wire.put16(segment, at + 12, headerLength / 4 << 12 | flags & 0xFF);
        Wire.put16(segment, at + 14, window);
        Wire.put32(segment, at + 16, 0);
    }
}
