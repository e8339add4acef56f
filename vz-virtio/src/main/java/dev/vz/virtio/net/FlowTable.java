package dev.vz.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Automatic receive steering (virtio 1.3, 5.1.6.5.5): what arrives of a flow goes to the pair of queues on which the
 * driver sent of that flow last. Flows are told apart by addresses and ports, the same both ways; two that collide share a
 * queue, which costs order of neither. Thread-safe without locks.
 */
final class FlowTable {

    private static final int SLOTS = 1024;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int IPV4 = 0x0800;
    private static final int IPV6 = 0x86DD;
    private static final int VLAN = 0x8100;
    private static final int TCP = 6;
    private static final int UDP = 17;

    /** Pair plus one; 0 where nothing was sent. */
    private final AtomicIntegerArray pairs = new AtomicIntegerArray(SLOTS);

    void sent(MemorySegment segment, long frame, int length, int pair) {
        pairs.setPlain(slot(segment, frame, length), pair + 1);
    }

    int receiver(MemorySegment segment, long frame, int length, int active) {
        int slot = slot(segment, frame, length);
        int known = pairs.getPlain(slot);
        return known == 0 || known > active ? slot % active : known - 1;
    }

    void forget() {
        for (int i = 0; i < SLOTS; i++) {
            pairs.setPlain(i, 0);
        }
    }

    private static int slot(MemorySegment segment, long frame, int length) {
        long hash = hash(segment, frame, length) * 0x9E37_79B9_7F4A_7C15L;
        return (int) (hash >>> 54);
    }

    /** Symmetric: both directions of a flow give the same. */
    static long hash(MemorySegment segment, long frame, int length) {
        long at = frame + 12;
        long end = frame + length;
        int type = segment.get(SHORT, at) & 0xFFFF;
        at += 2;
        if (type == VLAN && at + 4 <= end) {
            type = segment.get(SHORT, at + 2) & 0xFFFF;
            at += 4;
        }
        if (type == IPV4 && at + 20 <= end) {
            long addresses = (segment.get(INT, at + 12) & 0xFFFF_FFFFL) + (segment.get(INT, at + 16) & 0xFFFF_FFFFL);
            boolean fragment = (segment.get(SHORT, at + 6) & 0x3FFF) != 0;
            int protocol = segment.get(ValueLayout.JAVA_BYTE, at + 9);
            long next = at + 4L * (segment.get(ValueLayout.JAVA_BYTE, at) & 0xF);
            return addresses + (fragment ? 0 : ports(segment, next, end, protocol));
        }
        if (type == IPV6 && at + 40 <= end) {
            long addresses = segment.get(LONG, at + 8) + segment.get(LONG, at + 16) + segment.get(LONG, at + 24)
                    + segment.get(LONG, at + 32);
            return addresses + ports(segment, at + 40, end, segment.get(ValueLayout.JAVA_BYTE, at + 6));
        }
        return (segment.get(LONG, frame) >>> 16)
                + ((segment.get(INT, frame + 6) & 0xFFFF_FFFFL) << 16 | segment.get(SHORT, frame + 10) & 0xFFFFL);
    }

    private static long ports(MemorySegment segment, long at, long end, int protocol) {
        if (protocol != TCP && protocol != UDP || at + 4 > end) {
            return 0;
        }
        return (long) ((segment.get(SHORT, at) & 0xFFFF) + (segment.get(SHORT, at + 2) & 0xFFFF)) << 40;
    }
}
