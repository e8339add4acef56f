package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Bitwise logic, tests and blends. The bitwise functions serve PAND, ANDPS and ANDPD alike and work on 64 bits: an MMX
 * register or half of an XMM register.
 *
 * <p>
 * Intel SDM volume 2, PAND, PANDN, POR, PXOR, PTEST, PBLENDW, BLENDPS, BLENDPD, PBLENDVB, BLENDVPS, BLENDVPD.
 */
public final class PackedLogic {

    private static final int ZF = 0x40;
    private static final int CF = 0x01;

    private PackedLogic() {}

    /** {@code a & b}. */
    public static long pand(long a, long b) {
        return a & b;
    }

    /** {@code ~a & b}. */
    public static long pandn(long a, long b) {
        return ~a & b;
    }

    /** {@code a | b}. */
    public static long por(long a, long b) {
        return a | b;
    }

    /** {@code a ^ b}. */
    public static long pxor(long a, long b) {
        return a ^ b;
    }

    /** ZF if register {@code d} and the source have no bit in common, CF if the source has none outside {@code d}. */
    public static int ptest(FpuState s, int d, long lo, long hi) {
        long a = s.xmm[2 * d];
        long b = s.xmm[2 * d + 1];
        return ((lo & a | hi & b) == 0 ? ZF : 0) | ((lo & ~a | hi & ~b) == 0 ? CF : 0);
    }

    /** Takes words of the source where the control has a bit. */
    public static void pblendw(FpuState s, int d, long lo, long hi, int control) {
        blend(s, d, lo, hi, words(control), words(control >>> 4));
    }

    private static long words(int control) {
        return (control & 1) * 0xFFFFL | (control & 2) * 0x7FFF_8000L | (control & 4) * 0x3FFF_C000_0000L
                | (control & 8) * 0x1FFF_E000_0000_0000L;
    }

    /** Takes singles of the source where the control has a bit. */
    public static void blendps(FpuState s, int d, long lo, long hi, int control) {
        blend(s, d, lo, hi, doublewords(control), doublewords(control >>> 2));
    }

    private static long doublewords(int control) {
        return ((control & 1) != 0 ? 0xFFFF_FFFFL : 0) | ((control & 2) != 0 ? 0xFFFF_FFFF_0000_0000L : 0);
    }

    /** Takes doubles of the source where the control has a bit. */
    public static void blendpd(FpuState s, int d, long lo, long hi, int control) {
        blend(s, d, lo, hi, -(control & 1L), -(control >>> 1 & 1L));
    }

    /** Takes bytes of the source where the byte of XMM0 has its highest bit set. */
    public static void pblendvb(FpuState s, int d, long lo, long hi) {
        blend(s, d, lo, hi, Swar.spread(s.xmm[0] & Swar.BYTES, 8), Swar.spread(s.xmm[1] & Swar.BYTES, 8));
    }

    /** Takes singles of the source where that of XMM0 has its highest bit set. */
    public static void blendvps(FpuState s, int d, long lo, long hi) {
        blend(s, d, lo, hi, Swar.spread(s.xmm[0] & Swar.DOUBLEWORDS, 32),
                Swar.spread(s.xmm[1] & Swar.DOUBLEWORDS, 32));
    }

    /** Takes doubles of the source where that of XMM0 has its highest bit set. */
    public static void blendvpd(FpuState s, int d, long lo, long hi) {
        blend(s, d, lo, hi, s.xmm[0] >> 63, s.xmm[1] >> 63);
    }

    private static void blend(FpuState s, int d, long lo, long hi, long maskLow, long maskHigh) {
        s.xmm[2 * d] = Swar.select(maskLow, lo, s.xmm[2 * d]);
        s.xmm[2 * d + 1] = Swar.select(maskHigh, hi, s.xmm[2 * d + 1]);
    }
}
