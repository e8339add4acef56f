package dev.vz.emulator.translator;

import dev.vz.emulator.memory.HostMemory;
import dev.vz.emulator.memory.PhysicalMemory;
import dev.vz.emulator.memory.Tlb;

/**
 * Loads and stores of translated code. Each either meets the TLB or throws {@link Miss}: the region has one handler, which
 * hands the instruction to the interpreter. A slow way that came back with the value would make the compiler forget
 * everything it knows at each access, which measured 1.5 times slower.
 */
final class GuestAccess {

    /** Thrown instead of making an access; nothing has changed. */
    static final class Miss extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Miss() {
            super("the access needs the interpreter", null, false, false);
        }
    }

    /** The only one. */
    static final Miss MISS = new Miss();

    private GuestAccess() {}

    private static int index(long linear) {
        return (int) (linear >>> 11) & Tlb.INDEX_MASK;
    }

    /** One byte, zero-extended. */
    static long load1(long linear, long[] tlb) {
        return HostMemory.readByte(place(linear, 0, tlb));
    }

    /** Two bytes, zero-extended. */
    static long load2(long linear, long[] tlb) {
        return HostMemory.readShort(place(linear, 1, tlb));
    }

    /** Four bytes, zero-extended. */
    static long load4(long linear, long[] tlb) {
        return HostMemory.readInt(place(linear, 3, tlb)) & 0xFFFF_FFFFL;
    }

    /** Eight bytes. */
    static long load8(long linear, long[] tlb) {
        return HostMemory.readLong(place(linear, 7, tlb));
    }

    /** Stores the low byte. */
    static void store1(long value, long linear, long[] tlb) {
        HostMemory.writeByte(place(linear, 0, tlb), (int) value);
    }

    /** Stores the low two bytes. */
    static void store2(long value, long linear, long[] tlb) {
        HostMemory.writeShort(place(linear, 1, tlb), (int) value);
    }

    /** Stores the low four bytes. */
    static void store4(long value, long linear, long[] tlb) {
        HostMemory.writeInt(place(linear, 3, tlb), (int) value);
    }

    /** Stores eight bytes. */
    static void store8(long value, long linear, long[] tlb) {
        HostMemory.writeLong(place(linear, 7, tlb), value);
    }

    /**
     * The host address of the bytes up to {@code linear + last}. Not a byte of bytecode longer than 35, so that HotSpot
     * takes it into its callers wherever they are.
     */
    static long place(long linear, int last, long[] tlb) {
        int i = index(linear);
        if (tlb[i] != (linear + last & PhysicalMemory.PAGE_MASK)) {
            throw MISS;
        }
        return linear + tlb[i + 1];
    }

    /** The address, which must be a multiple of 16. */
    static long aligned(long linear) {
        if ((linear & 15) != 0) {
            throw MISS;
        }
        return linear;
    }

    /** One byte at a {@link #place}, zero-extended. */
    static long get1(long host) {
        return HostMemory.readByte(host);
    }

    /** Two bytes at a {@link #place}, zero-extended. */
    static long get2(long host) {
        return HostMemory.readShort(host);
    }

    /** Four bytes at a {@link #place}, zero-extended. */
    static long get4(long host) {
        return HostMemory.readInt(host) & 0xFFFF_FFFFL;
    }

    /** Eight bytes at a {@link #place}. */
    static long get8(long host) {
        return HostMemory.readLong(host);
    }

    /** Stores the low byte at a {@link #place}. */
    static void put1(long host, long value) {
        HostMemory.writeByte(host, (int) value);
    }

    /** Stores two bytes at a {@link #place}. */
    static void put2(long host, long value) {
        HostMemory.writeShort(host, (int) value);
    }

    /** Stores four bytes at a {@link #place}. */
    static void put4(long host, long value) {
        HostMemory.writeInt(host, (int) value);
    }

    /** Stores eight bytes at a {@link #place}. */
    static void put8(long host, long value) {
        HostMemory.writeLong(host, value);
    }
}
