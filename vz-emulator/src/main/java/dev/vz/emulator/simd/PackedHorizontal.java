package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Sums and differences of neighbouring elements. The functions of two numbers are the MMX forms, whose result has the
 * destination's pairs in the low half and the source's in the high half; the others are the XMM forms.
 *
 * <p>
 * Intel SDM volume 2, PHADDW, PHADDD, PHADDSW, PHSUBW, PHSUBD, PHSUBSW.
 */
public final class PackedHorizontal {

    private PackedHorizontal() {}

    private static int word(long a, int i) {
        return (short) (a >>> 16 * i);
    }

    private static long doublewords(long low, long high) {
        return high << 32 | low & 0xFFFF_FFFFL;
    }

    /** Two sums of words, in 32 bits. */
    private static long sums(long a) {
        return word(a, 0) + word(a, 1) & 0xFFFF | (long) (word(a, 2) + word(a, 3) & 0xFFFF) << 16;
    }

    private static long differences(long a) {
        return word(a, 0) - word(a, 1) & 0xFFFF | (long) (word(a, 2) - word(a, 3) & 0xFFFF) << 16;
    }

    private static long saturatedSums(long a) {
        return saturate(word(a, 0) + word(a, 1)) | saturate(word(a, 2) + word(a, 3)) << 16;
    }

    private static long saturatedDifferences(long a) {
        return saturate(word(a, 0) - word(a, 1)) | saturate(word(a, 2) - word(a, 3)) << 16;
    }

    private static long saturate(int value) {
        return Math.clamp(value, Short.MIN_VALUE, Short.MAX_VALUE) & 0xFFFF;
    }

    private static long doublewordSum(long a) {
        return a + (a >>> 32);
    }

    private static long doublewordDifference(long a) {
        return a - (a >>> 32);
    }

    private static void put(FpuState s, int d, long low, long high) {
        s.xmm[2 * d] = low;
        s.xmm[2 * d + 1] = high;
    }

    /** Sums of words. */
    public static long phaddw(long a, long b) {
        return doublewords(sums(a), sums(b));
    }

    /** Sums of words. */
    public static void phaddw(FpuState s, int d, long lo, long hi) {
        put(s, d, phaddw(s.xmm[2 * d], s.xmm[2 * d + 1]), phaddw(lo, hi));
    }

    /** Differences of words. */
    public static long phsubw(long a, long b) {
        return doublewords(differences(a), differences(b));
    }

    /** Differences of words. */
    public static void phsubw(FpuState s, int d, long lo, long hi) {
        put(s, d, phsubw(s.xmm[2 * d], s.xmm[2 * d + 1]), phsubw(lo, hi));
    }

    /** Sums of signed words, saturated. */
    public static long phaddsw(long a, long b) {
        return doublewords(saturatedSums(a), saturatedSums(b));
    }

    /** Sums of signed words, saturated. */
    public static void phaddsw(FpuState s, int d, long lo, long hi) {
        put(s, d, phaddsw(s.xmm[2 * d], s.xmm[2 * d + 1]), phaddsw(lo, hi));
    }

    /** Differences of signed words, saturated. */
    public static long phsubsw(long a, long b) {
        return doublewords(saturatedDifferences(a), saturatedDifferences(b));
    }

    /** Differences of signed words, saturated. */
    public static void phsubsw(FpuState s, int d, long lo, long hi) {
        put(s, d, phsubsw(s.xmm[2 * d], s.xmm[2 * d + 1]), phsubsw(lo, hi));
    }

    /** Sums of doublewords. */
    public static long phaddd(long a, long b) {
        return doublewords(doublewordSum(a), doublewordSum(b));
    }

    /** Sums of doublewords. */
    public static void phaddd(FpuState s, int d, long lo, long hi) {
        put(s, d, phaddd(s.xmm[2 * d], s.xmm[2 * d + 1]), phaddd(lo, hi));
    }

    /** Differences of doublewords. */
    public static long phsubd(long a, long b) {
        return doublewords(doublewordDifference(a), doublewordDifference(b));
    }

    /** Differences of doublewords. */
    public static void phsubd(FpuState s, int d, long lo, long hi) {
        put(s, d, phsubd(s.xmm[2 * d], s.xmm[2 * d + 1]), phsubd(lo, hi));
    }
}
