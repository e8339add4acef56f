package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Single elements in and out of registers, and sign masks. Element numbers are taken modulo the number of elements, as the
 * instructions take their immediates.
 *
 * <p>
 * Intel SDM volume 2, PINSRB/PINSRW/PINSRD/PINSRQ, PEXTRB and siblings, INSERTPS, EXTRACTPS, PMOVMSKB, MOVMSKPS, MOVMSKPD.
 */
public final class PackedElement {

    private static final long BYTE = 0xFF;
    private static final long WORD = 0xFFFF;
    private static final long DOUBLEWORD = 0xFFFF_FFFFL;
    /** Multiplying a byte's lowest bits by this gathers them in the highest byte. */
    private static final long GATHER = 0x0102_0408_1020_4080L;

    private PackedElement() {}

    /** Replaces a word of an MMX register. */
    public static long pinsrw(long a, int value, int element) {
        return insert(a, value, 16 * (element & 3), WORD);
    }

    /** Replaces a word. */
    public static void pinsrw(FpuState s, int d, int value, int element) {
        insert(s, d, value, 16 * (element & 7), WORD);
    }

    /** Replaces a byte. */
    public static void pinsrb(FpuState s, int d, int value, int element) {
        insert(s, d, value, 8 * (element & 15), BYTE);
    }

    /** Replaces a doubleword. */
    public static void pinsrd(FpuState s, int d, int value, int element) {
        insert(s, d, value, 32 * (element & 3), DOUBLEWORD);
    }

    /** Replaces a quadword. */
    public static void pinsrq(FpuState s, int d, long value, int element) {
        s.xmm[2 * d + (element & 1)] = value;
    }

    private static long insert(long a, long value, int position, long mask) {
        return a & ~(mask << position) | (value & mask) << position;
    }

    private static void insert(FpuState s, int d, long value, int position, long mask) {
        int half = 2 * d + (position >>> 6);
        s.xmm[half] = insert(s.xmm[half], value, position & 63, mask);
    }

    /** A word of an MMX register, zero-extended. */
    public static int pextrw(long a, int element) {
        return (int) (a >>> 16 * (element & 3) & WORD);
    }

    /** A word of XMM register {@code d}, zero-extended. */
    public static int pextrw(FpuState s, int d, int element) {
        return (int) extract(s, d, 16 * (element & 7), WORD);
    }

    /** A byte of XMM register {@code d}, zero-extended. */
    public static int pextrb(FpuState s, int d, int element) {
        return (int) extract(s, d, 8 * (element & 15), BYTE);
    }

    /** A doubleword of XMM register {@code d}: PEXTRD and EXTRACTPS. */
    public static int pextrd(FpuState s, int d, int element) {
        return (int) extract(s, d, 32 * (element & 3), DOUBLEWORD);
    }

    /** A quadword of XMM register {@code d}. */
    public static long pextrq(FpuState s, int d, int element) {
        return s.xmm[2 * d + (element & 1)];
    }

    private static long extract(FpuState s, int d, int position, long mask) {
        return s.xmm[2 * d + (position >>> 6)] >>> (position & 63) & mask;
    }

    /**
     * INSERTPS: replaces the single that bits 5 and 4 of the control name, then zeroes those that bits 3 to 0 name.
     *
     * @param value the single taken in; of a register source, the one that bits 7 and 6 of the control name
     */
    public static void insertps(FpuState s, int d, int value, int control) {
        pinsrd(s, d, value, control >>> 4);
        PackedLogic.blendps(s, d, 0, 0, control);
    }

    /** The highest bits of eight bytes: PMOVMSKB of an MMX register, or of half of an XMM register. */
    public static int pmovmskb(long b) {
        return (int) ((b >>> 7 & 0x0101_0101_0101_0101L) * GATHER >>> 56);
    }

    /** The highest bits of sixteen bytes. */
    public static int pmovmskb(long lo, long hi) {
        return pmovmskb(lo) | pmovmskb(hi) << 8;
    }

    /** The signs of four singles. */
    public static int movmskps(long lo, long hi) {
        return (int) (lo >>> 31 & 1 | lo >>> 62 & 2 | hi >>> 29 & 4 | hi >>> 60 & 8);
    }

    /** The signs of two doubles. */
    public static int movmskpd(long lo, long hi) {
        return (int) (lo >>> 63 | hi >>> 62 & 2);
    }
}
