package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Packed single-precision arithmetic: XMM register {@code d} with a source given as its low and high 64 bits. An unmasked
 * exception of any element leaves the destination unchanged.
 *
 * <p>
 * Intel SDM volume 2, ADDPS and siblings, CMPPS, HADDPS, HSUBPS, ADDSUBPS, DPPS; volume 1, 11.5.
 */
public final class PackedSingle {

    private PackedSingle() {}

    private static boolean isQuick(FpuState s) {
        return (s.mxcsr & Mxcsr.QUICK_BITS) == Mxcsr.QUICK;
    }

    private static boolean areNormal(int a, int b, int result) {
        return SingleLane.isNormal(a) && SingleLane.isNormal(b) && SingleLane.isSafe(result);
    }

    private static int upper(long pair) {
        return (int) (pair >>> 32);
    }

    private static long pair(int lower, int upper) {
        return (long) upper << 32 | lower & 0xFFFF_FFFFL;
    }

    private static void put(FpuState s, int d, long lo, long hi) {
        s.xmm[2 * d] = lo;
        s.xmm[2 * d + 1] = hi;
    }

    /** {@code a + b} of all elements. */
    public static void addps(FpuState s, int d, long lo, long hi) {
        long aLow = s.xmm[2 * d];
        long aHigh = s.xmm[2 * d + 1];
        s.exceptions = 0;
        boolean quick = isQuick(s);
        long low = add(s, quick, aLow, lo);
        long high = add(s, quick, aHigh, hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long add(FpuState s, boolean quick, long a, long b) {
        int a0 = (int) a;
        int a1 = upper(a);
        int b0 = (int) b;
        int b1 = upper(b);
        int r0 = Float.floatToRawIntBits(Float.intBitsToFloat(a0) + Float.intBitsToFloat(b0));
        int r1 = Float.floatToRawIntBits(Float.intBitsToFloat(a1) + Float.intBitsToFloat(b1));
        if (!quick || !areNormal(a0, b0, r0) || !areNormal(a1, b1, r1)) {
            r0 = SingleLane.add(s, a0, b0);
            r1 = SingleLane.add(s, a1, b1);
        }
        return pair(r0, r1);
    }

    /** {@code a - b} of all elements. */
    public static void subps(FpuState s, int d, long lo, long hi) {
        long aLow = s.xmm[2 * d];
        long aHigh = s.xmm[2 * d + 1];
        s.exceptions = 0;
        boolean quick = isQuick(s);
        long low = sub(s, quick, aLow, lo);
        long high = sub(s, quick, aHigh, hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long sub(FpuState s, boolean quick, long a, long b) {
        int a0 = (int) a;
        int a1 = upper(a);
        int b0 = (int) b;
        int b1 = upper(b);
        int r0 = Float.floatToRawIntBits(Float.intBitsToFloat(a0) - Float.intBitsToFloat(b0));
        int r1 = Float.floatToRawIntBits(Float.intBitsToFloat(a1) - Float.intBitsToFloat(b1));
        if (!quick || !areNormal(a0, b0, r0) || !areNormal(a1, b1, r1)) {
            r0 = SingleLane.subtract(s, a0, b0);
            r1 = SingleLane.subtract(s, a1, b1);
        }
        return pair(r0, r1);
    }

    /** {@code a * b} of all elements. */
    public static void mulps(FpuState s, int d, long lo, long hi) {
        long aLow = s.xmm[2 * d];
        long aHigh = s.xmm[2 * d + 1];
        s.exceptions = 0;
        boolean quick = isQuick(s);
        long low = mul(s, quick, aLow, lo);
        long high = mul(s, quick, aHigh, hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long mul(FpuState s, boolean quick, long a, long b) {
        int a0 = (int) a;
        int a1 = upper(a);
        int b0 = (int) b;
        int b1 = upper(b);
        int r0 = Float.floatToRawIntBits(Float.intBitsToFloat(a0) * Float.intBitsToFloat(b0));
        int r1 = Float.floatToRawIntBits(Float.intBitsToFloat(a1) * Float.intBitsToFloat(b1));
        if (!quick || !areNormal(a0, b0, r0) || !areNormal(a1, b1, r1)) {
            r0 = SingleLane.multiply(s, a0, b0);
            r1 = SingleLane.multiply(s, a1, b1);
        }
        return pair(r0, r1);
    }

    /** {@code a / b} of all elements. */
    public static void divps(FpuState s, int d, long lo, long hi) {
        long aLow = s.xmm[2 * d];
        long aHigh = s.xmm[2 * d + 1];
        s.exceptions = 0;
        boolean quick = isQuick(s);
        long low = div(s, quick, aLow, lo);
        long high = div(s, quick, aHigh, hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long div(FpuState s, boolean quick, long a, long b) {
        int a0 = (int) a;
        int a1 = upper(a);
        int b0 = (int) b;
        int b1 = upper(b);
        int r0 = Float.floatToRawIntBits(Float.intBitsToFloat(a0) / Float.intBitsToFloat(b0));
        int r1 = Float.floatToRawIntBits(Float.intBitsToFloat(a1) / Float.intBitsToFloat(b1));
        if (!quick || !areNormal(a0, b0, r0) || !areNormal(a1, b1, r1)) {
            r0 = SingleLane.divide(s, a0, b0);
            r1 = SingleLane.divide(s, a1, b1);
        }
        return pair(r0, r1);
    }

    /** Square roots of the source. */
    public static void sqrtps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = squareRoot(s, lo);
        long high = squareRoot(s, hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long squareRoot(FpuState s, long b) {
        return pair(SingleLane.squareRoot(s, (int) b), SingleLane.squareRoot(s, upper(b)));
    }

    /** The smaller of all elements; see {@link ScalarSingle#minss}. */
    public static void minps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = minimum(s, s.xmm[2 * d], lo);
        long high = minimum(s, s.xmm[2 * d + 1], hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long minimum(FpuState s, long a, long b) {
        return pair(SingleLane.minimum(s, (int) a, (int) b), SingleLane.minimum(s, upper(a), upper(b)));
    }

    /** The larger of all elements; see {@link ScalarSingle#maxss}. */
    public static void maxps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = maximum(s, s.xmm[2 * d], lo);
        long high = maximum(s, s.xmm[2 * d + 1], hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long maximum(FpuState s, long a, long b) {
        return pair(SingleLane.maximum(s, (int) a, (int) b), SingleLane.maximum(s, upper(a), upper(b)));
    }

    /** Masks by a predicate; see {@link ScalarSingle#cmpss}. */
    public static void cmpps(FpuState s, int d, long lo, long hi, int predicate) {
        s.exceptions = 0;
        long low = compare(s, s.xmm[2 * d], lo, predicate);
        long high = compare(s, s.xmm[2 * d + 1], hi, predicate);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long compare(FpuState s, long a, long b, int predicate) {
        return pair(SingleLane.compare(s, (int) a, (int) b, predicate),
                SingleLane.compare(s, upper(a), upper(b), predicate));
    }

    /** Sums of neighbours: of the destination into the low half, of the source into the high half. */
    public static void haddps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = pair(sum(s, s.xmm[2 * d]), sum(s, s.xmm[2 * d + 1]));
        long high = pair(sum(s, lo), sum(s, hi));
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static int sum(FpuState s, long a) {
        return SingleLane.add(s, (int) a, upper(a));
    }

    /** Differences of neighbours, lower minus upper. */
    public static void hsubps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = pair(difference(s, s.xmm[2 * d]), difference(s, s.xmm[2 * d + 1]));
        long high = pair(difference(s, lo), difference(s, hi));
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static int difference(FpuState s, long a) {
        return SingleLane.subtract(s, (int) a, upper(a));
    }

    /** Differences of the even elements, sums of the odd ones. */
    public static void addsubps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = addSubtract(s, s.xmm[2 * d], lo);
        long high = addSubtract(s, s.xmm[2 * d + 1], hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long addSubtract(FpuState s, long a, long b) {
        return pair(SingleLane.subtract(s, (int) a, (int) b), SingleLane.add(s, upper(a), upper(b)));
    }

    /**
     * Dot product. Bits 4 to 7 of the control select the products, bits 0 to 3 the elements that take the sum; what is not
     * selected is plus zero. Products are added in pairs, then the pairs; each step reports its exceptions before the next
     * one computes.
     */
    public static void dpps(FpuState s, int d, long lo, long hi, int control) {
        long aLow = s.xmm[2 * d];
        long aHigh = s.xmm[2 * d + 1];
        s.exceptions = 0;
        int p0 = (control & 0x10) != 0 ? SingleLane.multiply(s, (int) aLow, (int) lo) : 0;
        int p1 = (control & 0x20) != 0 ? SingleLane.multiply(s, upper(aLow), upper(lo)) : 0;
        int p2 = (control & 0x40) != 0 ? SingleLane.multiply(s, (int) aHigh, (int) hi) : 0;
        int p3 = (control & 0x80) != 0 ? SingleLane.multiply(s, upper(aHigh), upper(hi)) : 0;
        Mxcsr.commit(s);
        s.exceptions = 0;
        int lower = SingleLane.add(s, p0, p1);
        int upper = SingleLane.add(s, p2, p3);
        Mxcsr.commit(s);
        s.exceptions = 0;
        int sum = SingleLane.add(s, lower, upper);
        Mxcsr.commit(s);
        put(s, d, pair((control & 1) != 0 ? sum : 0, (control & 2) != 0 ? sum : 0),
                pair((control & 4) != 0 ? sum : 0, (control & 8) != 0 ? sum : 0));
    }
}
