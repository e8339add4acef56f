package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Packed integer multiplication and sums of products or differences. Functions of two numbers work on 64 bits: an MMX
 * register or half of an XMM register.
 *
 * <p>
 * Intel SDM volume 2, PMULLW, PMULHW, PMULHUW, PMULHRSW, PMULUDQ, PMULDQ, PMULLD, PMADDWD, PMADDUBSW, PSADBW, MPSADBW.
 */
public final class PackedMultiplication {

    private static final long EVERY_WORD = 0x0001_0001_0001_0001L;
    private static final long LOW_BYTES = 0x00FF_00FF_00FF_00FFL;

    private PackedMultiplication() {}

    private static long words(int w0, int w1, int w2, int w3) {
        return w0 & 0xFFFFL | (w1 & 0xFFFFL) << 16 | (w2 & 0xFFFFL) << 32 | (long) w3 << 48;
    }

    private static int word(long a, int i) {
        return (short) (a >>> 16 * i);
    }

    private static int unsignedWord(long a, int i) {
        return (int) (a >>> 16 * i) & 0xFFFF;
    }

    /** Low halves of the products of words. */
    public static long pmullw(long a, long b) {
        return words(word(a, 0) * word(b, 0), word(a, 1) * word(b, 1), word(a, 2) * word(b, 2),
                word(a, 3) * word(b, 3));
    }

    /** High halves of the products of signed words. */
    public static long pmulhw(long a, long b) {
        return words(word(a, 0) * word(b, 0) >> 16, word(a, 1) * word(b, 1) >> 16, word(a, 2) * word(b, 2) >> 16,
                word(a, 3) * word(b, 3) >> 16);
    }

    /** High halves of the products of unsigned words. */
    public static long pmulhuw(long a, long b) {
        return words(unsignedWord(a, 0) * unsignedWord(b, 0) >>> 16, unsignedWord(a, 1) * unsignedWord(b, 1) >>> 16,
                unsignedWord(a, 2) * unsignedWord(b, 2) >>> 16, unsignedWord(a, 3) * unsignedWord(b, 3) >>> 16);
    }

    /** Products of signed words as fractions of 2^15, rounded. */
    public static long pmulhrsw(long a, long b) {
        return words(scaled(word(a, 0) * word(b, 0)), scaled(word(a, 1) * word(b, 1)), scaled(word(a, 2) * word(b, 2)),
                scaled(word(a, 3) * word(b, 3)));
    }

    private static int scaled(int product) {
        return (product >> 14) + 1 >> 1;
    }

    /** Product of the low doublewords, unsigned. */
    public static long pmuludq(long a, long b) {
        return (a & 0xFFFF_FFFFL) * (b & 0xFFFF_FFFFL);
    }

    /** Product of the low doublewords, signed. */
    public static long pmuldq(long a, long b) {
        return (long) (int) a * (int) b;
    }

    /** Low halves of the products of doublewords. */
    public static long pmulld(long a, long b) {
        return a * b & 0xFFFF_FFFFL | (a >>> 32) * (b >>> 32) << 32;
    }

    /** Products of signed words, added in pairs. */
    public static long pmaddwd(long a, long b) {
        int low = word(a, 0) * word(b, 0) + word(a, 1) * word(b, 1);
        int high = word(a, 2) * word(b, 2) + word(a, 3) * word(b, 3);
        return (long) high << 32 | low & 0xFFFF_FFFFL;
    }

    /** Products of {@code a}'s unsigned and {@code b}'s signed bytes, added in pairs and saturated to signed words. */
    public static long pmaddubsw(long a, long b) {
        return words(bytePair(a, b), bytePair(a >>> 16, b >>> 16), bytePair(a >>> 32, b >>> 32),
                bytePair(a >>> 48, b >>> 48));
    }

    private static int bytePair(long a, long b) {
        int sum = (int) (a & 0xFF) * (byte) b + (int) (a >>> 8 & 0xFF) * (byte) (b >>> 8);
        return Math.clamp(sum, Short.MIN_VALUE, Short.MAX_VALUE);
    }

    /** Sum of the absolute differences of unsigned bytes. */
    public static long psadbw(long a, long b) {
        long differences = PackedAddition.psubusb(a, b) | PackedAddition.psubusb(b, a);
        return ((differences & LOW_BYTES) + (differences >>> 8 & LOW_BYTES)) * EVERY_WORD >>> 48;
    }

    /**
     * Eight sums of absolute differences: four bytes of the source, selected by bits 1 and 0 of the control, against each
     * four neighbouring bytes of the destination, from the start or, with bit 2, from byte 4 on.
     */
    public static void mpsadbw(FpuState s, int d, long lo, long hi, int control) {
        long pattern = ((control & 2) == 0 ? lo : hi) >>> 32 * (control & 1) & 0xFFFF_FFFFL;
        long low = s.xmm[2 * d];
        long high = s.xmm[2 * d + 1];
        if ((control & 4) != 0) {
            low = low >>> 32 | high << 32;
            high >>>= 32;
        }
        long sumsLow = 0;
        long sumsHigh = 0;
        for (int i = 0; i < 4; i++) {
            sumsLow |= difference(window(low, high, i), pattern) << 16 * i;
            sumsHigh |= difference(window(low, high, i + 4), pattern) << 16 * i;
        }
        s.xmm[2 * d] = sumsLow;
        s.xmm[2 * d + 1] = sumsHigh;
    }

    private static long window(long low, long high, int start) {
        return start == 0 ? low : low >>> 8 * start | high << 64 - 8 * start;
    }

    private static long difference(long window, long pattern) {
        return psadbw(window & 0xFFFF_FFFFL, pattern);
    }
}
