package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/** The header of an Ethernet II frame (IEEE 802.3, 3.1.1), 14 bytes: destination, source, type. */
public final class EthernetHeader {

    /** Bytes. */
    public static final int SIZE = 14;

    /** {@code type}: IPv4. */
    public static final int IPV4 = 0x0800;
    /** {@code type}: ARP. */
    public static final int ARP = 0x0806;
    /** {@code type}: a tag of IEEE 802.1Q follows. */
    public static final int VLAN = 0x8100;
    /** {@code type}: a service tag of IEEE 802.1ad follows. */
    public static final int SERVICE_VLAN = 0x88A8;
    /** {@code type}: IPv6. */
    public static final int IPV6 = 0x86DD;
    /** The smallest {@code type}; what is less is the length of an IEEE 802.2 frame. */
    public static final int SMALLEST_TYPE = 0x0600;

    private EthernetHeader() {}

    /** To whom. */
    public static long destination(MemorySegment segment, long at) {
        return Wire.u48(segment, at);
    }

    /** From whom. */
    public static long source(MemorySegment segment, long at) {
        return Wire.u48(segment, at + 6);
    }

    /** {@code EtherType}, or the length of an IEEE 802.2 frame if less than {@link #SMALLEST_TYPE}. */
    public static int type(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 12);
    }

    /** Writes the header. */
    public static void set(MemorySegment segment, long at, long destination, long source, int type) {
        Wire.put48(segment, at, destination);
        Wire.put48(segment, at + 6, source);
        Wire.put16(segment, at + 12, type);
    }
}
