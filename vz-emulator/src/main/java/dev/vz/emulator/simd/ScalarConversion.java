package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.SoftFloat;

/**
 * Conversions between one integer, single or double. Floating-point operands and results are raw bits; the {@code …64} forms
 * are those that REX.W selects.
 *
 * <p>
 * Intel SDM volume 2, CVTSI2SD, CVTSD2SI, CVTTSD2SI, CVTSD2SS and siblings.
 */
public final class ScalarConversion {

    private ScalarConversion() {}

    /** A 32-bit integer to a double; exact. */
    public static long cvtsi2sd(int value) {
        return Double.doubleToRawLongBits((double) value);
    }

    /** A 64-bit integer to a double. */
    public static long cvtsi2sd64(FpuState s, long value) {
        s.exceptions = 0;
        long bits = ConversionLane.integerToDouble(s, value);
        Mxcsr.commit(s);
        return bits;
    }

    /** A 32-bit integer to a single. */
    public static int cvtsi2ss(FpuState s, int value) {
        return cvtsi2ss64(s, value);
    }

    /** A 64-bit integer to a single. */
    public static int cvtsi2ss64(FpuState s, long value) {
        s.exceptions = 0;
        int bits = ConversionLane.integerToSingle(s, value);
        Mxcsr.commit(s);
        return bits;
    }

    /** A double to a single. */
    public static int cvtsd2ss(FpuState s, long a) {
        s.exceptions = 0;
        int bits = ConversionLane.doubleToSingle(s, a);
        Mxcsr.commit(s);
        return bits;
    }

    /** A single to a double. */
    public static long cvtss2sd(FpuState s, int a) {
        s.exceptions = 0;
        long bits = ConversionLane.singleToDouble(s, a);
        Mxcsr.commit(s);
        return bits;
    }

    /** A double to a 32-bit integer, rounded as MXCSR says. */
    public static int cvtsd2si(FpuState s, long a) {
        s.exceptions = 0;
        int value = (int) ConversionLane.doubleToInteger(s, a, 32, Mxcsr.roundingMode(s));
        Mxcsr.commit(s);
        return value;
    }

    /** A double to a 64-bit integer, rounded as MXCSR says. */
    public static long cvtsd2si64(FpuState s, long a) {
        s.exceptions = 0;
        long value = ConversionLane.doubleToInteger(s, a, 64, Mxcsr.roundingMode(s));
        Mxcsr.commit(s);
        return value;
    }

    /** A double to a 32-bit integer, truncated. */
    public static int cvttsd2si(FpuState s, long a) {
        s.exceptions = 0;
        int value = (int) ConversionLane.doubleToInteger(s, a, 32, SoftFloat.TRUNCATE);
        Mxcsr.commit(s);
        return value;
    }

    /** A double to a 64-bit integer, truncated. */
    public static long cvttsd2si64(FpuState s, long a) {
        s.exceptions = 0;
        long value = ConversionLane.doubleToInteger(s, a, 64, SoftFloat.TRUNCATE);
        Mxcsr.commit(s);
        return value;
    }

    /** A single to a 32-bit integer, rounded as MXCSR says. */
    public static int cvtss2si(FpuState s, int a) {
        s.exceptions = 0;
        int value = (int) ConversionLane.singleToInteger(s, a, 32, Mxcsr.roundingMode(s));
        Mxcsr.commit(s);
        return value;
    }

    /** A single to a 64-bit integer, rounded as MXCSR says. */
    public static long cvtss2si64(FpuState s, int a) {
        s.exceptions = 0;
        long value = ConversionLane.singleToInteger(s, a, 64, Mxcsr.roundingMode(s));
        Mxcsr.commit(s);
        return value;
    }

    /** A single to a 32-bit integer, truncated. */
    public static int cvttss2si(FpuState s, int a) {
        s.exceptions = 0;
        int value = (int) ConversionLane.singleToInteger(s, a, 32, SoftFloat.TRUNCATE);
        Mxcsr.commit(s);
        return value;
    }

    /** A single to a 64-bit integer, truncated. */
    public static long cvttss2si64(FpuState s, int a) {
        s.exceptions = 0;
        long value = ConversionLane.singleToInteger(s, a, 64, SoftFloat.TRUNCATE);
        Mxcsr.commit(s);
        return value;
    }
}
