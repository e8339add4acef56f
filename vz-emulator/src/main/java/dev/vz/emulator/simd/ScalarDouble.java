package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Scalar double-precision arithmetic and comparison. Operands and results are raw bits. The first lines of each function
 * are what translated code lives on: with ordinary operands, rounding to nearest and the precision flag already set, the
 * host's arithmetic is the answer. All else is left to {@link DoubleLane}.
 *
 * <p>
 * Intel SDM volume 2, ADDSD and siblings, CMPSD, COMISD; volume 1, 11.5.
 */
public final class ScalarDouble {

    private ScalarDouble() {}

    /** {@code a + b}. */
    public static long addsd(FpuState s, long a, long b) {
        long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) + Double.longBitsToDouble(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && DoubleLane.isNormal(a) && DoubleLane.isNormal(b)
                && DoubleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = DoubleLane.add(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** {@code a - b}. */
    public static long subsd(FpuState s, long a, long b) {
        long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) - Double.longBitsToDouble(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && DoubleLane.isNormal(a) && DoubleLane.isNormal(b)
                && DoubleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = DoubleLane.subtract(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** {@code a * b}. */
    public static long mulsd(FpuState s, long a, long b) {
        long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) * Double.longBitsToDouble(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && DoubleLane.isNormal(a) && DoubleLane.isNormal(b)
                && DoubleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = DoubleLane.multiply(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** {@code a / b}. */
    public static long divsd(FpuState s, long a, long b) {
        long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) / Double.longBitsToDouble(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && DoubleLane.isNormal(a) && DoubleLane.isNormal(b)
                && DoubleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = DoubleLane.divide(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** Square root of {@code a}. */
    public static long sqrtsd(FpuState s, long a) {
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && a >= 0 && DoubleLane.isNormal(a)) {
            return Double.doubleToRawLongBits(Math.sqrt(Double.longBitsToDouble(a)));
        }
        s.exceptions = 0;
        long bits = DoubleLane.squareRoot(s, a);
        Mxcsr.commit(s);
        return bits;
    }

    /** The smaller; {@code b} if either is a NaN or both are zeros. */
    public static long minsd(FpuState s, long a, long b) {
        if (DoubleLane.isOrdinary(a) && DoubleLane.isOrdinary(b)) {
            return Double.longBitsToDouble(a) < Double.longBitsToDouble(b) ? a : b;
        }
        s.exceptions = 0;
        long bits = DoubleLane.minimum(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** The larger; {@code b} if either is a NaN or both are zeros. */
    public static long maxsd(FpuState s, long a, long b) {
        if (DoubleLane.isOrdinary(a) && DoubleLane.isOrdinary(b)) {
            return Double.longBitsToDouble(a) > Double.longBitsToDouble(b) ? a : b;
        }
        s.exceptions = 0;
        long bits = DoubleLane.maximum(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /**
     * All ones or zero by a predicate: 0 equal, 1 less, 2 less or equal, 3 unordered, 4 to 7 their negations.
     */
    public static long cmpsd(FpuState s, long a, long b, int predicate) {
        s.exceptions = 0;
        long bits = DoubleLane.compare(s, a, b, predicate);
        Mxcsr.commit(s);
        return bits;
    }

    /** COMISD: ZF, PF and CF in their places in EFLAGS; any NaN is invalid. */
    public static int comisd(FpuState s, long a, long b) {
        return order(s, a, b, true);
    }

    /** UCOMISD: ZF, PF and CF in their places in EFLAGS; only a signaling NaN is invalid. */
    public static int ucomisd(FpuState s, long a, long b) {
        return order(s, a, b, false);
    }

    private static int order(FpuState s, long a, long b, boolean quietIsInvalid) {
        s.exceptions = 0;
        int flags = DoubleLane.order(s, a, b, quietIsInvalid);
        Mxcsr.commit(s);
        return flags;
    }
}
