package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.SoftFloat;
import dev.vz.emulator.fpu.Unpacked;

/**
 * Conversions of one element; exceptions are gathered in {@link FpuState#exceptions}.
 *
 * <p>
 * Intel SDM volume 1, 4.8.3.5 and table 4-7 (NaNs), 11.5.2.1 (an integer that does not fit becomes the indefinite one).
 */
final class ConversionLane {

    private static final int SINGLE_QUIET = 0x7FC0_0000;
    private static final long DOUBLE_QUIET = 0x7FF8_0000_0000_0000L;

    private ConversionLane() {}

    private static boolean isInexactnessRecorded(FpuState s) {
        return (s.mxcsr & (Mxcsr.PM | FpuState.PE)) == (Mxcsr.PM | FpuState.PE);
    }

    /** A double to a signed integer of 32 or 64 bits. */
    static long doubleToInteger(FpuState s, long bits, int size, int roundingMode) {
        if (DoubleLane.isOrdinary(bits)) {
            double x = Double.longBitsToDouble(bits);
            double limit = size == 32 ? 0x1p30 : 0x1p62;
            if (Math.abs(x) < limit) {
                double rounded = round(x, roundingMode);
                if (rounded != x) {
                    s.exceptions |= FpuState.PE;
                }
                return (long) rounded;
            }
        }
        s.first.setDouble(bits);
        return toInteger(s, size, roundingMode);
    }

    /** A single to a signed integer of 32 or 64 bits. */
    static long singleToInteger(FpuState s, int bits, int size, int roundingMode) {
        if (SingleLane.isOrdinary(bits)) {
            return doubleToInteger(s, Double.doubleToRawLongBits(Float.intBitsToFloat(bits)), size, roundingMode);
        }
        s.first.setSingle(bits);
        return toInteger(s, size, roundingMode);
    }

    private static long toInteger(FpuState s, int size, int roundingMode) {
        Unpacked a = s.first;
        Lane.applyDaz(s, a);
        long indefinite = -1L << size - 1;
        if (a.kind >= Unpacked.INFINITY) {
            s.exceptions |= FpuState.IE;
            return indefinite;
        }
        SoftFloat r = s.result;
        r.set(a);
        long magnitude = r.roundInteger(roundingMode);
        long limit = a.sign != 0 ? -indefinite : -indefinite - 1;
        if ((r.flags & FpuState.IE) != 0 || Long.compareUnsigned(magnitude, limit) > 0) {
            s.exceptions |= FpuState.IE;
            return indefinite;
        }
        s.exceptions |= r.flags;
        return a.sign != 0 ? -magnitude : magnitude;
    }

    /** A double to a single. */
    static int doubleToSingle(FpuState s, long bits) {
        if (DoubleLane.isNormal(bits) && (s.mxcsr & Mxcsr.RC) == 0 && isInexactnessRecorded(s)) {
            int rounded = Float.floatToRawIntBits((float) Double.longBitsToDouble(bits));
            if (SingleLane.isSafe(rounded)) {
                return rounded;
            }
        }
        Unpacked a = s.first;
        a.setDouble(bits);
        Lane.applyDaz(s, a);
        if (a.isUnordered()) {
            if (a.kind == Unpacked.SIGNALING_NAN) {
                s.exceptions |= FpuState.IE;
            }
            return (int) (bits >>> 32) & 0x8000_0000 | SINGLE_QUIET | (int) (bits >>> 29) & 0x003F_FFFF;
        }
        s.result.sign = a.sign;
        return SingleLane.pack(s, kind(s, a));
    }

    private static int kind(FpuState s, Unpacked a) {
        if (a.kind == Unpacked.DENORMAL) {
            s.exceptions |= FpuState.DE;
        }
        s.result.set(a);
        return a.kind == Unpacked.ZERO ? Lane.ZERO : a.kind == Unpacked.INFINITY ? Lane.INFINITY : Lane.NUMBER;
    }

    /** A single to a double: always exact. */
    static long singleToDouble(FpuState s, int bits) {
        if (SingleLane.isNan(bits)) {
            if (SingleLane.isSignaling(bits)) {
                s.exceptions |= FpuState.IE;
            }
            return (long) bits << 32 & Long.MIN_VALUE | DOUBLE_QUIET | (bits & 0x003F_FFFFL) << 29;
        }
        int number = bits;
        if (SingleLane.isDenormal(bits)) {
            if (Mxcsr.denormalsAreZeros(s)) {
                number &= 0x8000_0000;
            } else {
                s.exceptions |= FpuState.DE;
            }
        }
        return Double.doubleToRawLongBits(Float.intBitsToFloat(number));
    }

    /** A signed integer to a single. */
    static int integerToSingle(FpuState s, long value) {
        if ((s.mxcsr & Mxcsr.RC) == 0 && isInexactnessRecorded(s)) {
            return Float.floatToRawIntBits((float) value);
        }
        s.first.setInteger(value);
        return SingleLane.pack(s, kind(s, s.first));
    }

    /** A signed integer to a double. */
    static long integerToDouble(FpuState s, long value) {
        if ((s.mxcsr & Mxcsr.RC) == 0 && isInexactnessRecorded(s) || value == (int) value) {
            return Double.doubleToRawLongBits((double) value);
        }
        s.first.setInteger(value);
        return DoubleLane.pack(s, kind(s, s.first));
    }

    /** Rounds to an integral value by the host's arithmetic. */
    static double round(double x, int roundingMode) {
        return switch (roundingMode) {
            case SoftFloat.NEAREST -> Math.rint(x);
            case SoftFloat.DOWN -> Math.floor(x);
            case SoftFloat.UP -> Math.ceil(x);
            default -> x < 0 ? Math.ceil(x) : Math.floor(x);
        };
    }
}
