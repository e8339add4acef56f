package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * RCPSS, RCPPS, RSQRTSS and RSQRTPS. The architecture bounds the relative error by 1.5 * 2^-12 and leaves the bits to the
 * processor, so vendors differ. Here the result is the exact one rounded to nearest with 12 fraction bits, an error of at
 * most 2^-13. MXCSR is neither looked at nor set: denormal operands count as zeros, tiny results become zeros.
 *
 * <p>
 * Intel SDM volume 2, RCPPS and RSQRTPS.
 */
public final class Reciprocal {

    private static final int QUIET = 0x0040_0000;
    private static final int SIGN = 0x8000_0000;
    private static final int INFINITY = 0x7F80_0000;
    private static final int DROPPED = 0x7FF;

    private Reciprocal() {}

    /** About {@code 1 / a}. */
    public static int rcpss(int a) {
        if (SingleLane.isNan(a)) {
            return a | QUIET;
        }
        int sign = a & SIGN;
        if (SingleLane.isZero(a) || SingleLane.isDenormal(a)) {
            return sign | INFINITY;
        }
        return sign | round(1.0 / Math.abs((double) Float.intBitsToFloat(a)));
    }

    /** About {@code 1 / sqrt(a)}. */
    public static int rsqrtss(int a) {
        if (SingleLane.isNan(a)) {
            return a | QUIET;
        }
        if (SingleLane.isZero(a) || SingleLane.isDenormal(a)) {
            return a & SIGN | INFINITY;
        }
        return a < 0 ? SingleLane.INDEFINITE : round(1.0 / Math.sqrt(Float.intBitsToFloat(a)));
    }

    private static int round(double exact) {
        int bits = Float.floatToRawIntBits((float) exact);
        return SingleLane.isNormal(bits) ? bits + (DROPPED >>> 1) + 1 & ~DROPPED : 0;
    }

    /** {@link #rcpss} of all elements of the source. */
    public static void rcpps(FpuState s, int d, long lo, long hi) {
        s.xmm[2 * d] = pair(rcpss((int) lo), rcpss((int) (lo >>> 32)));
        s.xmm[2 * d + 1] = pair(rcpss((int) hi), rcpss((int) (hi >>> 32)));
    }

    /** {@link #rsqrtss} of all elements of the source. */
    public static void rsqrtps(FpuState s, int d, long lo, long hi) {
        s.xmm[2 * d] = pair(rsqrtss((int) lo), rsqrtss((int) (lo >>> 32)));
        s.xmm[2 * d + 1] = pair(rsqrtss((int) hi), rsqrtss((int) (hi >>> 32)));
    }

    private static long pair(int lower, int upper) {
        return (long) upper << 32 | lower & 0xFFFF_FFFFL;
    }
}
