package dev.vz.emulator.simd;

/**
 * Packed shifts on 64 bits: an MMX register or half of an XMM register. The count is an unsigned number of 64 bits, the low
 * quadword of the count operand or an immediate; counts beyond the width give zero, or copies of the sign.
 *
 * <p>
 * Intel SDM volume 2, PSLLW/PSLLD/PSLLQ, PSRLW, PSRAW and siblings.
 */
public final class PackedShift {

    private static final long EVERY_WORD = 0x0001_0001_0001_0001L;
    private static final long EVERY_DOUBLEWORD = 0x0000_0001_0000_0001L;

    private PackedShift() {}

    private static boolean exceeds(long count, int width) {
        return Long.compareUnsigned(count, width) >= 0;
    }

    /** Words to the left. */
    public static long psllw(long a, long count) {
        return exceeds(count, 16) ? 0 : a << count & (0xFFFFL << count & 0xFFFF) * EVERY_WORD;
    }

    /** Doublewords to the left. */
    public static long pslld(long a, long count) {
        return exceeds(count, 32) ? 0 : a << count & (0xFFFF_FFFFL << count & 0xFFFF_FFFFL) * EVERY_DOUBLEWORD;
    }

    /** The quadword to the left. */
    public static long psllq(long a, long count) {
        return exceeds(count, 64) ? 0 : a << count;
    }

    /** Words to the right, filled with zeros. */
    public static long psrlw(long a, long count) {
        return exceeds(count, 16) ? 0 : a >>> count & (0xFFFFL >>> count) * EVERY_WORD;
    }

    /** Doublewords to the right, filled with zeros. */
    public static long psrld(long a, long count) {
        return exceeds(count, 32) ? 0 : a >>> count & (0xFFFF_FFFFL >>> count) * EVERY_DOUBLEWORD;
    }

    /** The quadword to the right, filled with zeros. */
    public static long psrlq(long a, long count) {
        return exceeds(count, 64) ? 0 : a >>> count;
    }

    /** Words to the right, filled with the sign. */
    public static long psraw(long a, long count) {
        int n = exceeds(count, 16) ? 15 : (int) count;
        return a >> 48 >> n << 48 | (a << 16 >> 48 >> n & 0xFFFF) << 32 | (a << 32 >> 48 >> n & 0xFFFF) << 16
                | a << 48 >> 48 >> n & 0xFFFF;
    }

    /** Doublewords to the right, filled with the sign. */
    public static long psrad(long a, long count) {
        int n = exceeds(count, 32) ? 31 : (int) count;
        return a >> 32 >> n << 32 | (int) a >> n & 0xFFFF_FFFFL;
    }
}
