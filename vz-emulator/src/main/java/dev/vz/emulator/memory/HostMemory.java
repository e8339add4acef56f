package dev.vz.emulator.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Loads and stores at host addresses, little-endian, without alignment.
 *
 * <p>
 * All guest memory is reached through one constant segment over the whole address space, because a segment that is read
 * from a field costs every load and store of the guest a check and a dependent load. What keeps the accesses inside guest
 * memory is who calls: a host address comes only out of {@link PhysicalMemory}, for a page that lies inside a region, and
 * the offset within the page is checked by the tag comparison of the TLB. The regions outlive the machine (its
 * {@code close} waits until no virtual CPU runs), so a host address never dangles.
 */
public final class HostMemory {

    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle ATOMIC_INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();
    private static final VarHandle ATOMIC_LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

    private HostMemory() {}

    /** The byte at host address {@code address}, zero-extended. */
    public static int readByte(long address) {
        return ALL.get(ValueLayout.JAVA_BYTE, address) & 0xFF;
    }

    /** Two bytes, zero-extended. */
    public static int readShort(long address) {
        return ALL.get(SHORT, address) & 0xFFFF;
    }

    /** Four bytes. */
    public static int readInt(long address) {
        return ALL.get(INT, address);
    }

    /** Eight bytes. */
    public static long readLong(long address) {
        return ALL.get(LONG, address);
    }

    /** Stores the low byte. */
    public static void writeByte(long address, int value) {
        ALL.set(ValueLayout.JAVA_BYTE, address, (byte) value);
    }

    /** Stores the low two bytes. */
    public static void writeShort(long address, int value) {
        ALL.set(SHORT, address, (short) value);
    }

    /** Stores four bytes. */
    public static void writeInt(long address, int value) {
        ALL.set(INT, address, value);
    }

    /** Stores eight bytes. */
    public static void writeLong(long address, long value) {
        ALL.set(LONG, address, value);
    }

    /** Replaces four bytes, naturally aligned, if they are {@code expected}; a full fence. */
    public static boolean compareAndSetInt(long address, int expected, int value) {
        return ATOMIC_INT.compareAndSet(ALL, address, expected, value);
    }

    /** Replaces eight bytes, naturally aligned, if they are {@code expected}; a full fence. */
    public static boolean compareAndSetLong(long address, long expected, long value) {
        return ATOMIC_LONG.compareAndSet(ALL, address, expected, value);
    }

    /** Copies bytes upwards; the ranges may overlap only if they are the same. */
    public static void copy(long source, long target, long bytes) {
        MemorySegment.copy(ALL, source, ALL, target, bytes);
    }

    /** Copies bytes into an array. */
    public static void read(long source, byte[] target, int offset, int bytes) {
        MemorySegment.copy(ALL, ValueLayout.JAVA_BYTE, source, target, offset, bytes);
    }

    /** Sets bytes to one value. */
    public static void fill(long address, long bytes, int value) {
        ALL.asSlice(address, bytes).fill((byte) value);
    }
}
