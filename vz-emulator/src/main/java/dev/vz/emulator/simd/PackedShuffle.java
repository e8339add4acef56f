package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Shuffles, interleaving, alignment and whole-register shifts. The functions of two numbers are the MMX forms, the others
 * the XMM forms; UNPCKLPS is {@code punpckldq}, UNPCKLPD is {@code punpcklqdq}, and likewise for the high ones.
 *
 * <p>
 * Intel SDM volume 2, PSHUFB, PSHUFD, PSHUFHW, PSHUFLW, PSHUFW, SHUFPS, SHUFPD, PUNPCKLBW and siblings, PALIGNR, PSLLDQ,
 * PSRLDQ, MOVSLDUP, MOVSHDUP.
 */
public final class PackedShuffle {

    private PackedShuffle() {}

    private static void put(FpuState s, int d, long low, long high) {
        s.xmm[2 * d] = low;
        s.xmm[2 * d + 1] = high;
    }

    /** Bytes of the destination, chosen by the source's bytes; zero where those have their highest bit set. */
    public static long pshufb(long a, long b) {
        long result = 0;
        for (int shift = 0; shift < 64; shift += 8) {
            long selector = b >>> shift;
            if ((selector & 0x80) == 0) {
                result |= (a >>> 8 * (selector & 7) & 0xFF) << shift;
            }
        }
        return result;
    }

    /** Bytes of the destination, chosen by the source's bytes; zero where those have their highest bit set. */
    public static void pshufb(FpuState s, int d, long lo, long hi) {
        long a = s.xmm[2 * d];
        long b = s.xmm[2 * d + 1];
        put(s, d, choose(a, b, lo), choose(a, b, hi));
    }

    private static long choose(long low, long high, long selectors) {
        long result = 0;
        for (int shift = 0; shift < 64; shift += 8) {
            long selector = selectors >>> shift;
            if ((selector & 0x80) == 0) {
                result |= (((selector & 8) == 0 ? low : high) >>> 8 * (selector & 7) & 0xFF) << shift;
            }
        }
        return result;
    }

    /** Four words, each chosen by two bits of the control: PSHUFW, and the halves that PSHUFLW and PSHUFHW change. */
    public static long pshufw(long b, int control) {
        return b >>> 16 * (control & 3) & 0xFFFF | (b >>> 16 * (control >>> 2 & 3) & 0xFFFF) << 16
                | (b >>> 16 * (control >>> 4 & 3) & 0xFFFF) << 32 | b >>> 16 * (control >>> 6 & 3) << 48;
    }

    /** Shuffles the words of the low half. */
    public static void pshuflw(FpuState s, int d, long lo, long hi, int control) {
        put(s, d, pshufw(lo, control), hi);
    }

    /** Shuffles the words of the high half. */
    public static void pshufhw(FpuState s, int d, long lo, long hi, int control) {
        put(s, d, lo, pshufw(hi, control));
    }

    private static long doubleword(long lo, long hi, int index) {
        return ((index & 2) == 0 ? lo : hi) >>> 32 * (index & 1) & 0xFFFF_FFFFL;
    }

    /** Four doublewords of the source, each chosen by two bits of the control. */
    public static void pshufd(FpuState s, int d, long lo, long hi, int control) {
        put(s, d, doubleword(lo, hi, control) | doubleword(lo, hi, control >>> 2) << 32,
                doubleword(lo, hi, control >>> 4) | doubleword(lo, hi, control >>> 6) << 32);
    }

    /** Two singles of the destination, then two of the source. */
    public static void shufps(FpuState s, int d, long lo, long hi, int control) {
        long a = s.xmm[2 * d];
        long b = s.xmm[2 * d + 1];
        put(s, d, doubleword(a, b, control) | doubleword(a, b, control >>> 2) << 32,
                doubleword(lo, hi, control >>> 4) | doubleword(lo, hi, control >>> 6) << 32);
    }

    /** A double of the destination, then one of the source. */
    public static void shufpd(FpuState s, int d, long lo, long hi, int control) {
        put(s, d, s.xmm[2 * d + (control & 1)], (control & 2) == 0 ? lo : hi);
    }

    /** Four bytes spread out to words. */
    private static long spreadBytes(long a) {
        long words = (a | a << 16) & 0x0000_FFFF_0000_FFFFL;
        return (words | words << 8) & 0x00FF_00FF_00FF_00FFL;
    }

    /** Two words spread out to doublewords. */
    private static long spreadWords(long a) {
        return (a | a << 16) & 0x0000_FFFF_0000_FFFFL;
    }

    private static long low(long a) {
        return a & 0xFFFF_FFFFL;
    }

    /** Interleaves the low bytes. */
    public static long punpcklbw(long a, long b) {
        return spreadBytes(low(a)) | spreadBytes(low(b)) << 8;
    }

    /** Interleaves the low words. */
    public static long punpcklwd(long a, long b) {
        return spreadWords(low(a)) | spreadWords(low(b)) << 16;
    }

    /** Interleaves the low doublewords. */
    public static long punpckldq(long a, long b) {
        return low(a) | b << 32;
    }

    /** Interleaves the high bytes. */
    public static long punpckhbw(long a, long b) {
        return punpcklbw(a >>> 32, b >>> 32);
    }

    /** Interleaves the high words. */
    public static long punpckhwd(long a, long b) {
        return punpcklwd(a >>> 32, b >>> 32);
    }

    /** Interleaves the high doublewords. */
    public static long punpckhdq(long a, long b) {
        return a >>> 32 | b & 0xFFFF_FFFF_0000_0000L;
    }

    /** Interleaves the bytes of the low halves. */
    public static void punpcklbw(FpuState s, int d, long lo) {
        long a = s.xmm[2 * d];
        put(s, d, punpcklbw(a, lo), punpckhbw(a, lo));
    }

    /** Interleaves the words of the low halves. */
    public static void punpcklwd(FpuState s, int d, long lo) {
        long a = s.xmm[2 * d];
        put(s, d, punpcklwd(a, lo), punpckhwd(a, lo));
    }

    /** Interleaves the doublewords of the low halves. */
    public static void punpckldq(FpuState s, int d, long lo) {
        long a = s.xmm[2 * d];
        put(s, d, punpckldq(a, lo), punpckhdq(a, lo));
    }

    /** Puts the source's low half above the destination's. */
    public static void punpcklqdq(FpuState s, int d, long lo) {
        s.xmm[2 * d + 1] = lo;
    }

    /** Interleaves the bytes of the high halves. */
    public static void punpckhbw(FpuState s, int d, long hi) {
        long a = s.xmm[2 * d + 1];
        put(s, d, punpcklbw(a, hi), punpckhbw(a, hi));
    }

    /** Interleaves the words of the high halves. */
    public static void punpckhwd(FpuState s, int d, long hi) {
        long a = s.xmm[2 * d + 1];
        put(s, d, punpcklwd(a, hi), punpckhwd(a, hi));
    }

    /** Interleaves the doublewords of the high halves. */
    public static void punpckhdq(FpuState s, int d, long hi) {
        long a = s.xmm[2 * d + 1];
        put(s, d, punpckldq(a, hi), punpckhdq(a, hi));
    }

    /** Puts the source's high half above the destination's. */
    public static void punpckhqdq(FpuState s, int d, long hi) {
        put(s, d, s.xmm[2 * d + 1], hi);
    }

    /** Eight bytes of destination and source, side by side with the destination above, from a byte on. */
    public static long palignr(long a, long b, int bytes) {
        if (bytes >= 8) {
            return bytes >= 16 ? 0 : a >>> 8 * (bytes - 8);
        }
        return bytes == 0 ? b : b >>> 8 * bytes | a << 64 - 8 * bytes;
    }

    /** Sixteen bytes of destination and source, side by side with the destination above, from a byte on. */
    public static void palignr(FpuState s, int d, long lo, long hi, int bytes) {
        long a = s.xmm[2 * d];
        long b = s.xmm[2 * d + 1];
        switch (bytes >>> 3) {
            case 0 -> put(s, d, palignr(hi, lo, bytes), palignr(a, hi, bytes));
            case 1 -> put(s, d, palignr(a, hi, bytes - 8), palignr(b, a, bytes - 8));
            case 2 -> put(s, d, palignr(b, a, bytes - 16), palignr(0, b, bytes - 16));
            case 3 -> put(s, d, palignr(0, b, bytes - 24), 0);
            default -> put(s, d, 0, 0);
        }
    }

    /** The whole register to the left by bytes. */
    public static void pslldq(FpuState s, int d, int bytes) {
        long a = s.xmm[2 * d];
        long b = s.xmm[2 * d + 1];
        if (bytes >= 8) {
            put(s, d, 0, bytes >= 16 ? 0 : a << 8 * (bytes - 8));
        } else if (bytes > 0) {
            put(s, d, a << 8 * bytes, b << 8 * bytes | a >>> 64 - 8 * bytes);
        }
    }

    /** The whole register to the right by bytes. */
    public static void psrldq(FpuState s, int d, int bytes) {
        long a = s.xmm[2 * d];
        long b = s.xmm[2 * d + 1];
        put(s, d, palignr(b, a, bytes), palignr(0, b, bytes));
    }

    /** Even singles of the source, each twice. */
    public static void movsldup(FpuState s, int d, long lo, long hi) {
        put(s, d, low(lo) | lo << 32, low(hi) | hi << 32);
    }

    /** Odd singles of the source, each twice. */
    public static void movshdup(FpuState s, int d, long lo, long hi) {
        put(s, d, lo >>> 32 | lo & 0xFFFF_FFFF_0000_0000L, hi >>> 32 | hi & 0xFFFF_FFFF_0000_0000L);
    }
}
