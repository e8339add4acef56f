package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Narrowing with saturation and widening with sign or zeros. The functions of two numbers are the MMX forms of packing, the
 * others the XMM forms.
 *
 * <p>
 * Intel SDM volume 2, PACKSSWB, PACKSSDW, PACKUSWB, PACKUSDW, PMOVSX, PMOVZX.
 */
public final class PackedWidth {

    private PackedWidth() {}

    private static void put(FpuState s, int d, long low, long high) {
        s.xmm[2 * d] = low;
        s.xmm[2 * d + 1] = high;
    }

    private static long element(long a, int position, int width) {
        return a << 64 - width - position >> 64 - width;
    }

    /** Narrows the signed elements of one word of 64 bits into 32, each clamped to the limits given. */
    private static long narrow(long a, int width, int minimum, int maximum) {
        int half = width >>> 1;
        long mask = (1L << half) - 1;
        long result = 0;
        for (int position = 0; position < 64; position += width) {
            result |= (Math.clamp(element(a, position, width), minimum, maximum) & mask) << (position >>> 1);
        }
        return result;
    }

    /** Signed words to signed bytes. */
    public static long packsswb(long a, long b) {
        return narrow(a, 16, Byte.MIN_VALUE, Byte.MAX_VALUE) | narrow(b, 16, Byte.MIN_VALUE, Byte.MAX_VALUE) << 32;
    }

    /** Signed words to unsigned bytes. */
    public static long packuswb(long a, long b) {
        return unsignedBytes(a) | unsignedBytes(b) << 32;
    }

    /** Four signed words to unsigned bytes, all at once. */
    private static long unsignedBytes(long a) {
        long positive = a & ~Swar.spread(a & Swar.WORDS, 16);
        // Highest bits of words above 255: none carries into its neighbour.
        long above = positive + 0x7F00_7F00_7F00_7F00L & Swar.WORDS;
        long bytes = (positive | Swar.spread(above, 16)) & 0x00FF_00FF_00FF_00FFL;
        bytes = (bytes | bytes >>> 8) & 0x0000_FFFF_0000_FFFFL;
        return (bytes | bytes >>> 16) & 0xFFFF_FFFFL;
    }

    /** Signed doublewords to signed words. */
    public static long packssdw(long a, long b) {
        return narrow(a, 32, Short.MIN_VALUE, Short.MAX_VALUE)
                | narrow(b, 32, Short.MIN_VALUE, Short.MAX_VALUE) << 32;
    }

    private static long packusdw(long a, long b) {
        return narrow(a, 32, 0, 0xFFFF) | narrow(b, 32, 0, 0xFFFF) << 32;
    }

    /** Signed words to signed bytes. */
    public static void packsswb(FpuState s, int d, long lo, long hi) {
        put(s, d, packsswb(s.xmm[2 * d], s.xmm[2 * d + 1]), packsswb(lo, hi));
    }

    /** Signed words to unsigned bytes. */
    public static void packuswb(FpuState s, int d, long lo, long hi) {
        put(s, d, packuswb(s.xmm[2 * d], s.xmm[2 * d + 1]), packuswb(lo, hi));
    }

    /** Signed doublewords to signed words. */
    public static void packssdw(FpuState s, int d, long lo, long hi) {
        put(s, d, packssdw(s.xmm[2 * d], s.xmm[2 * d + 1]), packssdw(lo, hi));
    }

    /** Signed doublewords to unsigned words. */
    public static void packusdw(FpuState s, int d, long lo, long hi) {
        put(s, d, packusdw(s.xmm[2 * d], s.xmm[2 * d + 1]), packusdw(lo, hi));
    }

    /** Widens the lowest elements of a word into 64 bits. */
    private static long widen(long a, int from, int to, boolean signed) {
        long mask = to == 64 ? -1 : (1L << to) - 1;
        long result = 0;
        for (int i = 0; i * to < 64; i++) {
            long value = signed ? element(a, i * from, from) : a >>> i * from & (1L << from) - 1;
            result |= (value & mask) << i * to;
        }
        return result;
    }

    private static void widen(FpuState s, int d, long lo, int from, int to, boolean signed) {
        put(s, d, widen(lo, from, to, signed), widen(lo >>> 64 / to * from, from, to, signed));
    }

    /** Sign-extends bytes to words. */
    public static void pmovsxbw(FpuState s, int d, long lo) {
        widen(s, d, lo, 8, 16, true);
    }

    /** Sign-extends bytes to doublewords. */
    public static void pmovsxbd(FpuState s, int d, long lo) {
        widen(s, d, lo, 8, 32, true);
    }

    /** Sign-extends bytes to quadwords. */
    public static void pmovsxbq(FpuState s, int d, long lo) {
        widen(s, d, lo, 8, 64, true);
    }

    /** Sign-extends words to doublewords. */
    public static void pmovsxwd(FpuState s, int d, long lo) {
        widen(s, d, lo, 16, 32, true);
    }

    /** Sign-extends words to quadwords. */
    public static void pmovsxwq(FpuState s, int d, long lo) {
        widen(s, d, lo, 16, 64, true);
    }

    /** Sign-extends doublewords to quadwords. */
    public static void pmovsxdq(FpuState s, int d, long lo) {
        widen(s, d, lo, 32, 64, true);
    }

    /** Zero-extends bytes to words. */
    public static void pmovzxbw(FpuState s, int d, long lo) {
        widen(s, d, lo, 8, 16, false);
    }

    /** Zero-extends bytes to doublewords. */
    public static void pmovzxbd(FpuState s, int d, long lo) {
        widen(s, d, lo, 8, 32, false);
    }

    /** Zero-extends bytes to quadwords. */
    public static void pmovzxbq(FpuState s, int d, long lo) {
        widen(s, d, lo, 8, 64, false);
    }

    /** Zero-extends words to doublewords. */
    public static void pmovzxwd(FpuState s, int d, long lo) {
        widen(s, d, lo, 16, 32, false);
    }

    /** Zero-extends words to quadwords. */
    public static void pmovzxwq(FpuState s, int d, long lo) {
        widen(s, d, lo, 16, 64, false);
    }

    /** Zero-extends doublewords to quadwords. */
    public static void pmovzxdq(FpuState s, int d, long lo) {
        widen(s, d, lo, 32, 64, false);
    }
}
