package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Scalar single-precision arithmetic and comparison. Operands and results are raw bits. The first lines of each function
 * are what translated code lives on: with ordinary operands, rounding to nearest and the precision flag already set, the
 * host's arithmetic is the answer. All else is left to {@link SingleLane}.
 *
 * <p>
 * Intel SDM volume 2, ADDSS and siblings, CMPSS, COMISS; volume 1, 11.5.
 */
public final class ScalarSingle {

    private ScalarSingle() {}

    /** {@code a + b}. */
    public static int addss(FpuState s, int a, int b) {
        int bits = Float.floatToRawIntBits(Float.intBitsToFloat(a) + Float.intBitsToFloat(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && SingleLane.isNormal(a) && SingleLane.isNormal(b)
                && SingleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = SingleLane.add(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** {@code a - b}. */
    public static int subss(FpuState s, int a, int b) {
        int bits = Float.floatToRawIntBits(Float.intBitsToFloat(a) - Float.intBitsToFloat(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && SingleLane.isNormal(a) && SingleLane.isNormal(b)
                && SingleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = SingleLane.subtract(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** {@code a * b}. */
    public static int mulss(FpuState s, int a, int b) {
        int bits = Float.floatToRawIntBits(Float.intBitsToFloat(a) * Float.intBitsToFloat(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && SingleLane.isNormal(a) && SingleLane.isNormal(b)
                && SingleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = SingleLane.multiply(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** {@code a / b}. */
    public static int divss(FpuState s, int a, int b) {
        int bits = Float.floatToRawIntBits(Float.intBitsToFloat(a) / Float.intBitsToFloat(b));
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && SingleLane.isNormal(a) && SingleLane.isNormal(b)
                && SingleLane.isSafe(bits)) {
            return bits;
        }
        s.exceptions = 0;
        bits = SingleLane.divide(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** Square root of {@code a}. */
    public static int sqrtss(FpuState s, int a) {
        if ((s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK && a >= 0 && SingleLane.isNormal(a)) {
            return Float.floatToRawIntBits((float) Math.sqrt(Float.intBitsToFloat(a)));
        }
        s.exceptions = 0;
        int bits = SingleLane.squareRoot(s, a);
        Mxcsr.commit(s);
        return bits;
    }

    /** The smaller; {@code b} if either is a NaN or both are zeros. */
    public static int minss(FpuState s, int a, int b) {
        if (SingleLane.isOrdinary(a) && SingleLane.isOrdinary(b)) {
            return Float.intBitsToFloat(a) < Float.intBitsToFloat(b) ? a : b;
        }
        s.exceptions = 0;
        int bits = SingleLane.minimum(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /** The larger; {@code b} if either is a NaN or both are zeros. */
    public static int maxss(FpuState s, int a, int b) {
        if (SingleLane.isOrdinary(a) && SingleLane.isOrdinary(b)) {
            return Float.intBitsToFloat(a) > Float.intBitsToFloat(b) ? a : b;
        }
        s.exceptions = 0;
        int bits = SingleLane.maximum(s, a, b);
        Mxcsr.commit(s);
        return bits;
    }

    /**
     * All ones or zero by a predicate: 0 equal, 1 less, 2 less or equal, 3 unordered, 4 to 7 their negations.
     */
    public static int cmpss(FpuState s, int a, int b, int predicate) {
        s.exceptions = 0;
        int bits = SingleLane.compare(s, a, b, predicate);
        Mxcsr.commit(s);
        return bits;
    }

    /** COMISS: ZF, PF and CF in their places in EFLAGS; any NaN is invalid. */
    public static int comiss(FpuState s, int a, int b) {
        return order(s, a, b, true);
    }

    /** UCOMISS: ZF, PF and CF in their places in EFLAGS; only a signaling NaN is invalid. */
    public static int ucomiss(FpuState s, int a, int b) {
        return order(s, a, b, false);
    }

    private static int order(FpuState s, int a, int b, boolean quietIsInvalid) {
        s.exceptions = 0;
        int flags = SingleLane.order(s, a, b, quietIsInvalid);
        Mxcsr.commit(s);
        return flags;
    }
}
