package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/** An ARP packet for IPv4 over Ethernet (RFC 826), 28 bytes. Valid only where {@link #isEthernetIpv4}. */
public final class ArpPacket {

    /** Bytes. */
    public static final int SIZE = 28;

    /** {@code op}: who has the target's protocol address? */
    public static final int REQUEST = 1;
    /** {@code op}: the sender has. */
    public static final int REPLY = 2;

    private ArpPacket() {}

    /** Whether it is of IPv4 over Ethernet, the only kind whose fields lie where this class looks. */
    public static boolean isEthernetIpv4(MemorySegment segment, long at) {
        return Wire.i64(segment, at) >>> 16 == 0x0001_0800_0604L;
    }

    /** {@code op}. */
    public static int operation(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 6);
    }

    /** {@code sha}. */
    public static long senderHardware(MemorySegment segment, long at) {
        return Wire.u48(segment, at + 8);
    }

    /** {@code spa}. */
    public static int senderProtocol(MemorySegment segment, long at) {
        return Wire.i32(segment, at + 14);
    }

    /** {@code tha}. */
    public static long targetHardware(MemorySegment segment, long at) {
        return Wire.u48(segment, at + 18);
    }

    /** {@code tpa}. */
    public static int targetProtocol(MemorySegment segment, long at) {
        return Wire.i32(segment, at + 24);
    }

    /** Writes the whole packet. */
    public static void set(MemorySegment segment, long at, int operation, long senderHardware, int senderProtocol,
            long targetHardware, int targetProtocol) {
        Wire.put48(segment, at, 0x0001_0800_0604L);
        Wire.put16(segment, at + 6, operation);
        Wire.put48(segment, at + 8, senderHardware);
        Wire.put32(segment, at + 14, senderProtocol);
        Wire.put48(segment, at + 18, targetHardware);
        Wire.put32(segment, at + 24, targetProtocol);
    }
}
