package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.SoftFloat;
import dev.vz.emulator.fpu.Unpacked;

/**
 * Arithmetic on one element in software, for the operands, rounding modes and control bits that the host's arithmetic does
 * not cover. Operands are the unit's scratch operands; exceptions are gathered in {@link FpuState#exceptions}.
 *
 * <p>
 * Intel SDM volume 1, 4.9.2 (priority among exceptions), 11.5.2 (SSE exceptions and masked responses).
 */
final class Lane {

    /** The result is in {@code s.result}, to be rounded. */
    static final int NUMBER = 0;
    /** The result is a zero of the sign in {@code s.result}. */
    static final int ZERO = 1;
    /** The result is an infinity of the sign in {@code s.result}. */
    static final int INFINITY = 2;
    /** The result is the default NaN. */
    static final int INDEFINITE = 3;

    private Lane() {}

    /** Applies DAZ to an operand. */
    static void applyDaz(FpuState s, Unpacked a) {
        if (a.kind == Unpacked.DENORMAL && Mxcsr.denormalsAreZeros(s)) {
            a.kind = Unpacked.ZERO;
        }
    }

    private static void noteDenormals(FpuState s) {
        if (s.first.kind == Unpacked.DENORMAL || s.second.kind == Unpacked.DENORMAL) {
            s.exceptions |= FpuState.DE;
        }
    }

    private static int invalid(FpuState s) {
        s.exceptions |= FpuState.IE;
        return INDEFINITE;
    }

    private static int ofSign(FpuState s, int sign, int kind) {
        s.result.sign = sign;
        return kind;
    }

    /** {@code first + second}, the second with its sign flipped for a subtraction; no NaNs. */
    static int add(FpuState s, int flip) {
        Unpacked a = s.first;
        Unpacked b = s.second;
        int signB = b.sign ^ flip;
        if (a.kind == Unpacked.INFINITY || b.kind == Unpacked.INFINITY) {
            if (a.kind == b.kind && a.sign != signB) {
                return invalid(s);
            }
            noteDenormals(s);
            return ofSign(s, a.kind == Unpacked.INFINITY ? a.sign : signB, INFINITY);
        }
        noteDenormals(s);
        SoftFloat r = s.result;
        int zeroSign = Mxcsr.roundingMode(s) == SoftFloat.DOWN ? 1 : 0;
        if (a.kind == Unpacked.ZERO || b.kind == Unpacked.ZERO) {
            if (a.kind == b.kind) {
                return ofSign(s, a.sign == signB ? a.sign : zeroSign, ZERO);
            }
            r.set(a.kind == Unpacked.ZERO ? b : a);
            return ofSign(s, a.kind == Unpacked.ZERO ? signB : a.sign, NUMBER);
        }
        r.add(a, b, signB);
        return r.high == 0 ? ofSign(s, zeroSign, ZERO) : NUMBER;
    }

    /** {@code first * second}; no NaNs. */
    static int multiply(FpuState s) {
        Unpacked a = s.first;
        Unpacked b = s.second;
        boolean infinite = a.kind == Unpacked.INFINITY || b.kind == Unpacked.INFINITY;
        boolean zero = a.kind == Unpacked.ZERO || b.kind == Unpacked.ZERO;
        if (infinite && zero) {
            return invalid(s);
        }
        noteDenormals(s);
        if (infinite || zero) {
            return ofSign(s, a.sign ^ b.sign, infinite ? INFINITY : ZERO);
        }
        s.result.multiply(a, b);
        return NUMBER;
    }

    /** {@code first / second}; no NaNs. */
    static int divide(FpuState s) {
        Unpacked a = s.first;
        Unpacked b = s.second;
        if (a.kind == b.kind && (a.kind == Unpacked.INFINITY || a.kind == Unpacked.ZERO)) {
            return invalid(s);
        }
        int sign = a.sign ^ b.sign;
        if (b.kind == Unpacked.ZERO) {
            if (a.kind != Unpacked.INFINITY) {
                s.exceptions |= FpuState.ZE;
            }
            return ofSign(s, sign, INFINITY);
        }
        noteDenormals(s);
        if (a.kind == Unpacked.INFINITY) {
            return ofSign(s, sign, INFINITY);
        }
        if (a.kind == Unpacked.ZERO || b.kind == Unpacked.INFINITY) {
            return ofSign(s, sign, ZERO);
        }
        s.result.divide(a, b);
        return NUMBER;
    }

    /** Square root of {@code first}, which is not a NaN. */
    static int squareRoot(FpuState s) {
        Unpacked a = s.first;
        if (a.kind == Unpacked.ZERO) {
            return ofSign(s, a.sign, ZERO);
        }
        if (a.sign != 0) {
            return invalid(s);
        }
        if (a.kind == Unpacked.INFINITY) {
            return ofSign(s, 0, INFINITY);
        }
        if (a.kind == Unpacked.DENORMAL) {
            s.exceptions |= FpuState.DE;
        }
        s.result.squareRoot(a);
        return NUMBER;
    }

    /**
     * Gathers what rounding reported. An unmasked underflow reacts to a tiny result even if it is exact; and with either
     * limit of the exponent unmasked, inexact means inexact with an unlimited exponent.
     */
    static void noteRounding(FpuState s) {
        SoftFloat r = s.result;
        int flags = r.flags;
        int unmasked = ~(s.mxcsr >>> 7);
        int limit = (r.tiny ? FpuState.UE : flags & FpuState.OE) & unmasked;
        if (limit != 0) {
            flags = r.inexactUnlimited ? limit | FpuState.PE : limit;
        }
        s.exceptions |= flags;
    }
}
