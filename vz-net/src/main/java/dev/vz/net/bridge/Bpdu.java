package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.link.VnetHeader;
import dev.vz.net.packet.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What bridges tell each other: the BPDUs of IEEE 802.1D-1998, 9.3, in IEEE 802.2 frames. Times are nanoseconds here and
 * 1/256 seconds on the wire.
 *
 * @param kind       which of them
 * @param change     flag: the topology is changing; a notification has neither this nor what follows
 * @param acknowledged flag: a notification was heard
 * @param root       the root's identifier
 * @param cost       the cost of the way to the root
 * @param bridge     the sender's identifier
 * @param port       the sender's port identifier
 * @param messageAge how old what it says is
 * @param maxAge     how old it may become
 * @param hello      how often the root speaks
 * @param delay      how long ports listen and learn
 */
record Bpdu(Kind kind, boolean change, boolean acknowledged, long root, long cost, long bridge, int port,
        long messageAge, long maxAge, long hello, long delay) {

    enum Kind {
        CONFIGURATION, TOPOLOGY_CHANGE_NOTIFICATION,
        /** One of a later version of the protocol, which a bridge of this one passes over. */
        OTHER,
        /** No BPDU at all. */
        MALFORMED
    }

    private static final int LLC = 3;
    private static final int CONFIGURATION_SIZE = 35;
    private static final int NOTIFICATION_SIZE = 4;
    private static final int FRAME = 60;
    private static final long UNIT = 1_000_000_000L / 256;

    private static Bpdu bare(Kind kind) {
        return new Bpdu(kind, false, false, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    static Bpdu notification() {
        return bare(Kind.TOPOLOGY_CHANGE_NOTIFICATION);
    }

    /** Reads the frame at {@code at}, which is addressed to the bridges' group. */
    static Bpdu parse(MemorySegment segment, long at, int length) {
        int size = Wire.u16(segment, at + 12);
        long data = at + 14 + LLC;
        if (size > length - 14 || size < LLC + NOTIFICATION_SIZE || Wire.u24(segment, at + 14) != 0x424203
                || Wire.u16(segment, data) != 0) {
            return bare(Kind.MALFORMED);
        }
        int type = Wire.u8(segment, data + 3);
        if (type == 0x80) {
            return notification();
        }
        if (type != 0) {
            return bare(Kind.OTHER);
        }
        if (size < LLC + CONFIGURATION_SIZE) {
            return bare(Kind.MALFORMED);
        }
        int flags = Wire.u8(segment, data + 4);
        var found = new Bpdu(Kind.CONFIGURATION, (flags & 1) != 0, (flags & 0x80) != 0, Wire.i64(segment, data + 5),
                Wire.u32(segment, data + 13), Wire.i64(segment, data + 17), Wire.u16(segment, data + 25),
                Wire.u16(segment, data + 27) * UNIT, Wire.u16(segment, data + 29) * UNIT,
                Wire.u16(segment, data + 31) * UNIT, Wire.u16(segment, data + 33) * UNIT);
        return found.messageAge < found.maxAge ? found : bare(Kind.MALFORMED);
    }

    /** A batch of one frame from the station {@code source} that says this. */
    FrameBatch frame(long source) {
        MemorySegment segment = Arena.ofAuto().allocate(VnetHeader.SIZE + FRAME, 8);
        long at = VnetHeader.SIZE;
        Wire.put48(segment, at, 0x0180_C200_0000L);
        Wire.put48(segment, at + 6, source);
        boolean full = kind == Kind.CONFIGURATION;
        Wire.put16(segment, at + 12, LLC + (full ? CONFIGURATION_SIZE : NOTIFICATION_SIZE));
        Wire.put24(segment, at + 14, 0x424203);
        long data = at + 14 + LLC;
        if (full) {
            Wire.put8(segment, data + 4, (change ? 1 : 0) | (acknowledged ? 0x80 : 0));
            Wire.put64(segment, data + 5, root);
            Wire.put32(segment, data + 13, (int) cost);
            Wire.put64(segment, data + 17, bridge);
            Wire.put16(segment, data + 25, port);
            Wire.put16(segment, data + 27, (int) (messageAge / UNIT));
            Wire.put16(segment, data + 29, (int) (maxAge / UNIT));
            Wire.put16(segment, data + 31, (int) (hello / UNIT));
            Wire.put16(segment, data + 33, (int) (delay / UNIT));
        } else {
            Wire.put8(segment, data + 3, 0x80);
        }
        var batch = new FrameBatch();
        batch.add(segment, 0, VnetHeader.SIZE + FRAME);
        return batch;
    }

    /** Whether what this says is better than, or as good as, what {@code other} says (IEEE 802.1D, 8.6.2.2). */
    boolean isAtLeast(Bpdu other) {
        int order = Long.compareUnsigned(root, other.root);
        order = order != 0 ? order : Long.compare(cost, other.cost);
        order = order != 0 ? order : Long.compareUnsigned(bridge, other.bridge);
        return (order != 0 ? order : Integer.compare(port, other.port)) <= 0;
    }
}
