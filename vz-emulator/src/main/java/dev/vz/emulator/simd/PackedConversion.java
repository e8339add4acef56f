package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.SoftFloat;

/**
 * Packed conversions. Functions named {@code …pi…} have an MMX register on one side, which goes in or comes out as 64 bits;
 * the others write XMM register {@code d}.
 *
 * <p>
 * Intel SDM volume 2, CVTDQ2PD, CVTDQ2PS, CVTPD2DQ, CVTPS2PD, CVTPI2PS, CVTPS2PI and siblings.
 */
public final class PackedConversion {

    private PackedConversion() {}

    private static int lower(long pair) {
        return (int) pair;
    }

    private static int upper(long pair) {
        return (int) (pair >>> 32);
    }

    private static long pair(long lower, long upper) {
        return upper << 32 | lower & 0xFFFF_FFFFL;
    }

    private static void put(FpuState s, int d, long lo, long hi) {
        s.xmm[2 * d] = lo;
        s.xmm[2 * d + 1] = hi;
    }

    /** Two integers to doubles; exact. */
    public static void cvtdq2pd(FpuState s, int d, long lo) {
        put(s, d, ScalarConversion.cvtsi2sd((int) lo), ScalarConversion.cvtsi2sd(upper(lo)));
    }

    /** Four integers to singles. */
    public static void cvtdq2ps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = integersToSingles(s, lo);
        long high = integersToSingles(s, hi);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long integersToSingles(FpuState s, long a) {
        return pair(ConversionLane.integerToSingle(s, lower(a)), ConversionLane.integerToSingle(s, upper(a)));
    }

    /** Two singles to doubles. */
    public static void cvtps2pd(FpuState s, int d, long lo) {
        s.exceptions = 0;
        long low = ConversionLane.singleToDouble(s, (int) lo);
        long high = ConversionLane.singleToDouble(s, upper(lo));
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    /** Two doubles to singles; the upper half becomes zero. */
    public static void cvtpd2ps(FpuState s, int d, long lo, long hi) {
        s.exceptions = 0;
        long low = pair(ConversionLane.doubleToSingle(s, lo), ConversionLane.doubleToSingle(s, hi));
        Mxcsr.commit(s);
        put(s, d, low, 0);
    }

    /** Four singles to integers, rounded as MXCSR says. */
    public static void cvtps2dq(FpuState s, int d, long lo, long hi) {
        singlesToRegister(s, d, lo, hi, Mxcsr.roundingMode(s));
    }

    /** Four singles to integers, truncated. */
    public static void cvttps2dq(FpuState s, int d, long lo, long hi) {
        singlesToRegister(s, d, lo, hi, SoftFloat.TRUNCATE);
    }

    private static void singlesToRegister(FpuState s, int d, long lo, long hi, int roundingMode) {
        s.exceptions = 0;
        long low = singlesToIntegers(s, lo, roundingMode);
        long high = singlesToIntegers(s, hi, roundingMode);
        Mxcsr.commit(s);
        put(s, d, low, high);
    }

    private static long singlesToIntegers(FpuState s, long a, int roundingMode) {
        return pair(ConversionLane.singleToInteger(s, (int) a, 32, roundingMode),
                ConversionLane.singleToInteger(s, upper(a), 32, roundingMode));
    }

    /** Two doubles to integers, rounded as MXCSR says; the upper half becomes zero. */
    public static void cvtpd2dq(FpuState s, int d, long lo, long hi) {
        put(s, d, cvtpd2pi(s, lo, hi), 0);
    }

    /** Two doubles to integers, truncated; the upper half becomes zero. */
    public static void cvttpd2dq(FpuState s, int d, long lo, long hi) {
        put(s, d, cvttpd2pi(s, lo, hi), 0);
    }

    /** Two doubles to two integers, rounded as MXCSR says. */
    public static long cvtpd2pi(FpuState s, long lo, long hi) {
        return doublesToIntegers(s, lo, hi, Mxcsr.roundingMode(s));
    }

    /** Two doubles to two integers, truncated. */
    public static long cvttpd2pi(FpuState s, long lo, long hi) {
        return doublesToIntegers(s, lo, hi, SoftFloat.TRUNCATE);
    }

    private static long doublesToIntegers(FpuState s, long lo, long hi, int roundingMode) {
        s.exceptions = 0;
        long low = ConversionLane.doubleToInteger(s, lo, 32, roundingMode);
        long high = ConversionLane.doubleToInteger(s, hi, 32, roundingMode);
        Mxcsr.commit(s);
        return pair(low, high);
    }

    /** Two singles to two integers, rounded as MXCSR says. */
    public static long cvtps2pi(FpuState s, long lo) {
        s.exceptions = 0;
        long integers = singlesToIntegers(s, lo, Mxcsr.roundingMode(s));
        Mxcsr.commit(s);
        return integers;
    }

    /** Two singles to two integers, truncated. */
    public static long cvttps2pi(FpuState s, long lo) {
        s.exceptions = 0;
        long integers = singlesToIntegers(s, lo, SoftFloat.TRUNCATE);
        Mxcsr.commit(s);
        return integers;
    }

    /** Two integers to the singles of an XMM register's low half. */
    public static long cvtpi2ps(FpuState s, long a) {
        s.exceptions = 0;
        long singles = integersToSingles(s, a);
        Mxcsr.commit(s);
        return singles;
    }

    /** Two integers to doubles; exact. */
    public static void cvtpi2pd(FpuState s, int d, long a) {
        cvtdq2pd(s, d, a);
    }
}
