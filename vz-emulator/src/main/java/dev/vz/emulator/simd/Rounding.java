package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Rounding to integral values. Bits 1 and 0 of the control give the rounding mode, bit 2 takes MXCSR's instead, bit 3 keeps
 * an inexact result from being reported.
 *
 * <p>
 * Intel SDM volume 2, ROUNDPD, ROUNDPS, ROUNDSD, ROUNDSS.
 */
public final class Rounding {

    private static final int FROM_MXCSR = 4;
    private static final int SILENT = 8;

    private Rounding() {}

    /** One double. */
    public static long roundsd(FpuState s, long a, int control) {
        s.exceptions = 0;
        long bits = roundDouble(s, a, control);
        Mxcsr.commit(s);
        return bits;
    }

    /** One single. */
    public static int roundss(FpuState s, int a, int control) {
        s.exceptions = 0;
        int bits = roundSingle(s, a, control);
        Mxcsr.commit(s);
        return bits;
    }

    /** Two doubles. */
    public static void roundpd(FpuState s, int d, long lo, long hi, int control) {
        s.exceptions = 0;
        long low = roundDouble(s, lo, control);
        long high = roundDouble(s, hi, control);
        Mxcsr.commit(s);
        s.xmm[2 * d] = low;
        s.xmm[2 * d + 1] = high;
    }

    /** Four singles. */
    public static void roundps(FpuState s, int d, long lo, long hi, int control) {
        s.exceptions = 0;
        long low = roundSingles(s, lo, control);
        long high = roundSingles(s, hi, control);
        Mxcsr.commit(s);
        s.xmm[2 * d] = low;
        s.xmm[2 * d + 1] = high;
    }

    private static long roundSingles(FpuState s, long a, int control) {
        return (long) roundSingle(s, (int) (a >>> 32), control) << 32 | roundSingle(s, (int) a, control) & 0xFFFF_FFFFL;
    }

    private static double round(FpuState s, double x, int control) {
        double rounded = ConversionLane.round(x, (control & FROM_MXCSR) != 0 ? Mxcsr.roundingMode(s) : control & 3);
        if (rounded != x && (control & SILENT) == 0) {
            s.exceptions |= FpuState.PE;
        }
        return rounded;
    }

    private static long roundDouble(FpuState s, long a, int control) {
        if (DoubleLane.isNan(a)) {
            return DoubleLane.propagate(s, a, a);
        }
        long number = DoubleLane.isDenormal(a) && Mxcsr.denormalsAreZeros(s) ? a & Long.MIN_VALUE : a;
        return Double.doubleToRawLongBits(round(s, Double.longBitsToDouble(number), control));
    }

    private static int roundSingle(FpuState s, int a, int control) {
        if (SingleLane.isNan(a)) {
            return SingleLane.propagate(s, a, a);
        }
        int number = SingleLane.isDenormal(a) && Mxcsr.denormalsAreZeros(s) ? a & Integer.MIN_VALUE : a;
        return Float.floatToRawIntBits((float) round(s, Float.intBitsToFloat(number), control));
    }
}
