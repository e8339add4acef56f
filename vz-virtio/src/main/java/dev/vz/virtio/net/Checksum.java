package dev.vz.virtio.net;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Fills in the checksum that a sender left undone, for a receiver that would not (virtio 1.3, 5.1.6.4.1). */
final class Checksum {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Checksum() {}

    /**
     * Sums from {@code start} to the frame's end and puts the complement where {@code offset} says; the field holds the
     * sum of the pseudo header. The caller has checked that the field lies in the frame.
     */
    static void fill(MemorySegment segment, long frame, int length, int start, int offset) {
        long sum = 0;
        int at = start;
        for (; at + 1 < length; at += 2) {
            sum += segment.get(SHORT, frame + at) & 0xFFFF;
        }
        if (at < length) {
            sum += (segment.get(ValueLayout.JAVA_BYTE, frame + at) & 0xFF) << 8;
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xFFFF) + (sum >>> 16);
        }
        int complement = (int) ~sum & 0xFFFF;
        // Of the two zeros UDP means by 0 that there is no checksum; for TCP they are the same.
        segment.set(SHORT, frame + start + offset, (short) (complement == 0 ? 0xFFFF : complement));
    }
}
