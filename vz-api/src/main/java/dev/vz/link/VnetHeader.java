package dev.vz.link;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The header before every frame: {@code struct virtio_net_hdr_v1}, 12 bytes, little-endian (virtio 1.3, 5.1.6).
 *
 * <p>
 * It carries what the sender left undone: a checksum to be filled in, a large frame to be cut into segments. Accessors
 * take the segment and the offset at which the header starts; no object is made.
 */
public final class VnetHeader {

    /** Bytes. */
    public static final int SIZE = 12;

    /** {@code flags}: {@code csum_start} and {@code csum_offset} say where a checksum must be filled in. */
    public static final int NEEDS_CSUM = 1;
    /** {@code flags}: the checksums are known to be right. */
    public static final int DATA_VALID = 2;

    /** {@code gso_type}: not to be cut. */
    public static final int GSO_NONE = 0;
    /** {@code gso_type}: TCP over IPv4. */
    public static final int GSO_TCPV4 = 1;
    /** {@code gso_type}: UDP as IPv4 fragments. */
    public static final int GSO_UDP = 3;
    /** {@code gso_type}: TCP over IPv6. */
    public static final int GSO_TCPV6 = 4;
    /** {@code gso_type}: UDP as datagrams of {@code gso_size} bytes. */
    public static final int GSO_UDP_L4 = 5;
    /** {@code gso_type} bit: the TCP segments carry ECN. */
    public static final int GSO_ECN = 0x80;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    private VnetHeader() {}

    /** All zero: a finished frame, one buffer. */
    public static void clear(MemorySegment segment, long at) {
        segment.set(ValueLayout.JAVA_LONG_UNALIGNED, at, 0L);
        segment.set(ValueLayout.JAVA_INT_UNALIGNED, at + 8, 0);
    }

    /** {@code flags}. */
    public static int flags(MemorySegment segment, long at) {
        return segment.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }

    /** {@code gso_type}. */
    public static int gsoType(MemorySegment segment, long at) {
        return segment.get(ValueLayout.JAVA_BYTE, at + 1) & 0xFF;
    }

    /** {@code hdr_len}: bytes of headers, a hint. */
    public static int headerLength(MemorySegment segment, long at) {
        return segment.get(SHORT, at + 2) & 0xFFFF;
    }

    /** {@code gso_size}: payload bytes of each segment. */
    public static int gsoSize(MemorySegment segment, long at) {
        return segment.get(SHORT, at + 4) & 0xFFFF;
    }

    /** {@code csum_start}: where summing starts, from the frame's start. */
    public static int checksumStart(MemorySegment segment, long at) {
        return segment.get(SHORT, at + 6) & 0xFFFF;
    }

    /** {@code csum_offset}: where the sum goes, from {@code csum_start}. */
    public static int checksumOffset(MemorySegment segment, long at) {
        return segment.get(SHORT, at + 8) & 0xFFFF;
    }

    /** {@code num_buffers}: receive buffers that the frame was spread over. */
    public static int bufferCount(MemorySegment segment, long at) {
        return segment.get(SHORT, at + 10) & 0xFFFF;
    }

    /** Writes every field. */
    public static void set(MemorySegment segment, long at, int flags, int gsoType, int headerLength, int gsoSize,
            int checksumStart, int checksumOffset) {
        segment.set(ValueLayout.JAVA_BYTE, at, (byte) flags);
        segment.set(ValueLayout.JAVA_BYTE, at + 1, (byte) gsoType);
        segment.set(SHORT, at + 2, (short) headerLength);
        segment.set(SHORT, at + 4, (short) gsoSize);
        segment.set(SHORT, at + 6, (short) checksumStart);
        segment.set(SHORT, at + 8, (short) checksumOffset);
        segment.set(SHORT, at + 10, (short) 0);
    }

    /** Writes {@code num_buffers}. */
    public static void setBufferCount(MemorySegment segment, long at, int count) {
        segment.set(SHORT, at + 10, (short) count);
    }
}
