package dev.vz.net.packet;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Numbers in network byte order, at any alignment. Offsets are bytes from the segment's start. */
public final class Wire {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private Wire() {}

    /** One byte, 0 to 255. */
    public static int u8(MemorySegment segment, long at) {
        return segment.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }

    /** Two bytes, 0 to 65535. */
    public static int u16(MemorySegment segment, long at) {
        return segment.get(SHORT, at) & 0xFFFF;
    }

    /** Three bytes. */
    public static int u24(MemorySegment segment, long at) {
        return u8(segment, at) << 16 | u16(segment, at + 1);
    }

    /** Four bytes as they are. */
    public static int i32(MemorySegment segment, long at) {
        return segment.get(INT, at);
    }

    /** Four bytes, not negative. */
    public static long u32(MemorySegment segment, long at) {
        return segment.get(INT, at) & 0xFFFF_FFFFL;
    }

    /** Six bytes: an Ethernet address. */
    public static long u48(MemorySegment segment, long at) {
        return (long) u16(segment, at) << 32 | u32(segment, at + 2);
    }

    /** Eight bytes as they are. */
    public static long i64(MemorySegment segment, long at) {
        return segment.get(LONG, at);
    }

    /** Writes the lowest 8 bits. */
    public static void put8(MemorySegment segment, long at, int value) {
        segment.set(ValueLayout.JAVA_BYTE, at, (byte) value);
    }

    /** Writes the lowest 16 bits. */
    public static void put16(MemorySegment segment, long at, int value) {
        segment.set(SHORT, at, (short) value);
    }

    /** Writes the lowest 24 bits. */
    public static void put24(MemorySegment segment, long at, int value) {
        put8(segment, at, value >>> 16);
        put16(segment, at + 1, value);
    }

    /** Writes 32 bits. */
    public static void put32(MemorySegment segment, long at, int value) {
        segment.set(INT, at, value);
    }

    /** Writes the lowest 48 bits. */
    public static void put48(MemorySegment segment, long at, long value) {
        put16(segment, at, (int) (value >>> 32));
        put32(segment, at + 2, (int) value);
    }

    /** Writes 64 bits. */
    public static void put64(MemorySegment segment, long at, long value) {
        segment.set(LONG, at, value);
    }
}
