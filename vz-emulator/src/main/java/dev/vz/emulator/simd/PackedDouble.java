package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Packed double-precision arithmetic: XMM register {@code d} with a source given as its low and high 64 bits. An unmasked
 * exception of any element leaves the destination unchanged.
 *
 * <p>
 * Intel SDM volume 2, ADDPD and siblings, CMPPD, HADDPD, HSUBPD, ADDSUBPD, DPPD; volume 1, 11.5.
 */
public final class PackedDouble {

    private PackedDouble() {}

    private static boolean isQuick(FpuState s) {
        return (s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK;
    }

    private static boolean areNormal(long a, long b, long result) {
        return DoubleLane.isNormal(a) && DoubleLane.isNormal(b) && DoubleLane.isSafe(result);
    }

    private static void put(FpuState s, int d, long lo, long hi) {
        s.xmm[2 * d] = lo;
        s.xmm[2 * d + 1] = hi;
    }

    /** {@code a + b} of both elements. */
    public static void addpd(FpuState s, int d, long lo, long hi) {
        long a0 = s.xmm[2 * d];
        long a1 = s.xmm[2 * d + 1];
        long r0 = Double.doubleToRawLongBits(Double.longBitsToDouble(a0) + Double.longBitsToDouble(lo));
        long r1 = Double.doubleToRawLongBits(Double.longBitsToDouble(a1) + Double.longBitsToDouble(hi));
        if (!isQuick(s) || !areNormal(a0, lo, r0) || !areNormal(a1, hi, r1)) {
            s.exceptions = 0;
            r0 = DoubleLane.add(s, a0, lo);
            r1 = DoubleLane.add(s, a1, hi);
            Mxcsr.commit(s);
        }
        put(s, d, r0, r1);
    }

    /** {@code a - b} of both elements. */
    public static void subpd(FpuState s, int d, long lo, long hi) {
        long a0 = s.xmm[2 * d];
        long a1 = s.xmm[2 * d + 1];
        long r0 = Double.doubleToRawLongBits(Double.longBitsToDouble(a0) - Double.longBitsToDouble(lo));
        long r1 = Double.doubleToRawLongBits(Double.longBitsToDouble(a1) - Double.longBitsToDouble(hi));
        if (!isQuick(s) || !areNormal(a0, lo, r0) || !areNormal(a1, hi, r1)) {
            s.exceptions = 0;
            r0 = DoubleLane.subtract(s, a0, lo);
            r1 = DoubleLane.subtract(s, a1, hi);
            Mxcsr.commit(s);
        }
        put(s, d, r0, r1);
    }

    /** {@code a * b} of both elements. */
    public static void mulpd(FpuState s, int d, long lo, long hi) {
        long a0 = s.xmm[2 * d];
        long a1 = s.xmm[2 * d + 1];
        long r0 = Double.doubleToRawLongBits(Double.longBitsToDouble(a0) * Double.longBitsToDouble(lo));
        long r1 = Double.doubleToRawLongBits(Double.longBitsToDouble(a1) * Double.longBitsToDouble(hi));
        if (!isQuick(s) || !areNormal(a0, lo, r0) || !areNormal(a1, hi, r1)) {
            s.exceptions = 0;
            r0 = DoubleLane.multiply(s, a0, lo);
            r1 = DoubleLane.multiply(s, a1, hi);
            Mxcsr.commit(s);
        }
        put(s, d, r0, r1);
    }

    /** {@code a / b} of both elements. */
    public static void divpd(FpuState s, int d, long lo, long hi) {
        long a0 = s.xmm[2 * d];
        long a1 = s.xmm[2 * d + 1];
        long r0 = Double.doubleToRawLongBits(Double.longBitsToDouble(a0) / Double.longBitsToDouble(lo));
        long r1 = Double.doubleToRawLongBits(Double.longBitsToDouble(a1) / Double.longBitsToDouble(hi));
        if (!isQuick(s) || !areNormal(a0, lo, r0) || !areNormal(a1, hi, r1)) {
            s.exceptions = 0;
            r0 = DoubleLane.divide(s, a0, lo);
            r1 = DoubleLane.divide(s, a1, hi);
            Mxcsr.commit(s);
        }
        put(s, d, r0, r1);
    }

    /** Square roots of the source. */
    public static void sqrtpd(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long r0 = DoubleLane.squareRoot(s, lo);
        long r1 = DoubleLane.squareRoot(s, hi);
        Mxcsr.commit(s);
        put(s, d, r0, r1);
    }

    /** The smaller of both elements; see {@link ScalarDouble#minsd}. */
    public static void minpd(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long r0 = DoubleLane.minimum(s, s.xmm[2 * d], lo);
        long r1 = DoubleLane.minimum(s, s.xmm[2 * d + 1], hi);
        Mxcsr.commit(s);
        put(s, d, r0, r1);
    }

    /** The larger of both elements; see {@link ScalarDouble#maxsd}. */
    public static void maxpd(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long r0 = DoubleLane.maximum(s, s.xmm[2 * d], lo);
        long r1 = DoubleLane.maximum(s, s.xmm[2 * d + 1], hi);
        Mxcsr.commit(s);
        put(s, d, r0, r1);
    }

    /** Masks by a predicate; see {@link ScalarDouble#cmpsd}. */
    public static void cmppd(FpuState s, int d, long lo, long hi, int predicate) {
        s.exceptions = 0;
        long r0 = DoubleLane.compare(s, s.xmm[2 * d], lo, predicate);
        long r1 = DoubleLane.compare(s, s.xmm[2 * d + 1], hi, predicate);
        Mxcsr.commit(s);
        put(s, d, r0, r1);
    }

    /** Sums of neighbours: of the destination into the low element, of the source into the high one. */
    public static void haddpd(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long r0 = DoubleLane.add(s, s.xmm[2 * d], s.xmm[2 * d + 1]);
        long r1 = DoubleLane.add(s, lo, hi);
        Mxcsr.commit(s);
        put(s, d, r0, r1);
    }

    /** Differences of neighbours, low minus high. */
    public static void hsubpd(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long r0 = DoubleLane.subtract(s, s.xmm[2 * d], s.xmm[2 * d + 1]);
        long r1 = DoubleLane.subtract(s, lo, hi);
        Mxcsr.commit(s);
        put(s, d, r0, r1);
    }

    /** Difference of the low elements, sum of the high ones. */
    public static void addsubpd(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long r0 = DoubleLane.subtract(s, s.xmm[2 * d], lo);
        long r1 = DoubleLane.add(s, s.xmm[2 * d + 1], hi);
        Mxcsr.commit(s);
        put(s, d, r0, r1);
    }

    /**
     * Dot product. Bits 4 and 5 of the control select the products, bits 0 and 1 the elements that take the sum; what is not
     * selected is plus zero. Each step, products and sum, reports its exceptions before the next one computes.
     */
    public static void dppd(FpuState s, int d, long lo, long hi, int control) {
        s.exceptions = 0;
        long p0 = (control & 0x10) != 0 ? DoubleLane.multiply(s, s.xmm[2 * d], lo) : 0;
        long p1 = (control & 0x20) != 0 ? DoubleLane.multiply(s, s.xmm[2 * d + 1], hi) : 0;
        Mxcsr.commit(s);
        s.exceptions = 0;
        long sum = DoubleLane.add(s, p0, p1);
        Mxcsr.commit(s);
        put(s, d, (control & 1) != 0 ? sum : 0, (control & 2) != 0 ? sum : 0);
    }
}
