package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;

/**
 * The tag of IEEE 802.1Q, 9.6: four bytes between the source address and the type, the TPID and the tag control
 * information. Offsets are those of the TPID.
 */
public final class VlanTag {

    /** Bytes. */
    public static final int SIZE = 4;
    /** The highest VLAN a frame can be in; 0 and 4095 are no VLANs. */
    public static final int MAXIMUM = 4094;

    private VlanTag() {}

    /** {@code PCP}, {@code DEI} and {@code VID} together. */
    public static int control(MemorySegment segment, long at) {
        return Wire.u16(segment, at + 2);
    }

    /** {@code VID}; 0 in a frame that has a priority and no VLAN. */
    public static int identifier(MemorySegment segment, long at) {
        return control(segment, at) & 0xFFF;
    }

    /** {@code PCP}, 0 to 7. */
    public static int priority(MemorySegment segment, long at) {
        return control(segment, at) >>> 13;
    }
}
