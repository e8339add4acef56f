package dev.vz.emulator.fpu;

/**
 * x87 instructions on the parts of one number: sign, square root, rounding to an integer, scaling and taking apart.
 *
 * <p>
 * Intel SDM volume 2, FABS, FCHS, FSQRT, FRNDINT, FSCALE, FXTRACT.
 */
public final class X87Number {

    /** A scale factor that overflows or underflows whatever it is applied to. */
    private static final int HUGE_SCALE = 0x10000;

    private X87Number() {}

    /** FABS. */
    public static void fabs(FpuState s) {
        if (isPresent(s)) {
            X87Stack.clearC1(s);
            s.signExponent[s.top] &= 0x7FFF;
        }
    }

    /** FCHS. */
    public static void fchs(FpuState s) {
        if (isPresent(s)) {
            X87Stack.clearC1(s);
            s.signExponent[s.top] ^= 0x8000;
        }
    }

    /** Whether ST(0) holds something; if not, the stack underflow has been answered. */
    private static boolean isPresent(FpuState s) {
        if (s.isEmpty(0)) {
            if (X87Stack.underflow(s)) {
                X87Stack.writeIndefinite(s, 0);
            }
            return false;
        }
        return true;
    }

    /** FSQRT, to the precision of the control word. */
    public static void fsqrt(FpuState s) {
        if (!isPresent(s)) {
            return;
        }
        Unpacked a = s.first;
        X87Stack.read(s, 0, a);
        X87Stack.clearC1(s);
        if (a.isUnordered()) {
            if (X87Stack.propagate(s, a)) {
                X87Stack.writeResult(s, 0);
            }
            return;
        }
        if (a.kind == Unpacked.ZERO) {
            return;
        }
        if (a.sign != 0) {
            if (X87Stack.invalid(s)) {
                X87Stack.writeResult(s, 0);
            }
            return;
        }
        if (a.kind == Unpacked.INFINITY || a.kind == Unpacked.DENORMAL && !X87Stack.raise(s, FpuState.DE)) {
            return;
        }
        s.result.squareRoot(a);
        s.result.roundExtended(X87Stack.precision(s), X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
        X87Stack.writeResult(s, 0);
    }

    /** FRNDINT. */
    public static void frndint(FpuState s) {
        if (!isPresent(s)) {
            return;
        }
        Unpacked a = s.first;
        X87Stack.read(s, 0, a);
        X87Stack.clearC1(s);
        if (a.isUnordered()) {
            if (X87Stack.propagate(s, a)) {
                X87Stack.writeResult(s, 0);
            }
            return;
        }
        if (a.kind == Unpacked.DENORMAL && !X87Stack.raise(s, FpuState.DE)) {
            return;
        }
        if (a.kind == Unpacked.ZERO || a.kind == Unpacked.INFINITY || a.exponent >= 63) {
            return;
        }
        SoftFloat r = s.result;
        r.set(a);
        long magnitude = r.roundInteger(X87Stack.roundingMode(s));
        X87Stack.conclude(s);
        int shift = Long.numberOfLeadingZeros(magnitude);
        int biased = magnitude == 0 ? 0 : 16383 + 63 - shift;
        X87Stack.write(s, 0, a.sign << 15 | biased, magnitude << shift);
    }

    /** FSCALE: ST(0) times two to the power of ST(1) truncated to an integer. */
    public static void fscale(FpuState s) {
        if (s.isEmpty(0) || s.isEmpty(1)) {
            if (X87Stack.underflow(s)) {
                X87Stack.writeIndefinite(s, 0);
            }
            return;
        }
        Unpacked a = s.first;
        Unpacked b = s.second;
        X87Stack.read(s, 0, a);
        X87Stack.read(s, 1, b);
        X87Stack.clearC1(s);
        if (a.isUnordered() || b.isUnordered()) {
            if (X87Stack.propagate(s, a, b)) {
                X87Stack.writeResult(s, 0);
            }
            return;
        }
        boolean shrinks = b.kind == Unpacked.INFINITY && b.sign != 0;
        boolean grows = b.kind == Unpacked.INFINITY && b.sign == 0;
        if (a.kind == Unpacked.INFINITY && shrinks || a.kind == Unpacked.ZERO && grows) {
            if (X87Stack.invalid(s)) {
                X87Stack.writeResult(s, 0);
            }
            return;
        }
        boolean denormal = a.kind == Unpacked.DENORMAL || b.kind == Unpacked.DENORMAL;
        if (denormal && !X87Stack.raise(s, FpuState.DE)) {
            return;
        }
        if (a.kind == Unpacked.INFINITY || a.kind == Unpacked.ZERO) {
            return;
        }
        if (b.kind == Unpacked.INFINITY) {
            X87Stack.write(s, 0, a.sign << 15 | (grows ? 0x7FFF : 0), grows ? Long.MIN_VALUE : 0);
            return;
        }
        s.result.set(a);
        s.result.exponent += scale(b);
        s.result.roundExtended(64, X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
        X87Stack.writeResult(s, 0);
    }

    private static int scale(Unpacked b) {
        if (b.kind == Unpacked.ZERO || b.exponent < 0) {
            return 0;
        }
        int magnitude = b.exponent > 15 ? HUGE_SCALE : (int) (b.significand >>> 63 - b.exponent);
        return b.sign != 0 ? -magnitude : magnitude;
    }

    /** FXTRACT: ST(0) becomes the exponent as a number, and the significand is pushed. */
    public static void fxtract(FpuState s) {
        if (s.isEmpty(0)) {
            if (X87Stack.underflow(s)) {
                X87Stack.writeIndefinite(s, 0);
                s.top = s.top - 1 & 7;
                X87Stack.writeIndefinite(s, 0);
            }
            return;
        }
        if (!s.isEmpty(7)) {
            if (X87Stack.overflow(s)) {
                X87Stack.writeIndefinite(s, 0);
                s.top = s.top - 1 & 7;
                X87Stack.writeIndefinite(s, 0);
            }
            return;
        }
        Unpacked a = s.first;
        X87Stack.read(s, 0, a);
        X87Stack.clearC1(s);
        if (a.isUnordered()) {
            if (X87Stack.propagate(s, a)) {
                X87Stack.writeResult(s, 0);
                X87Stack.push(s, s.result.signExponent, s.result.significand);
            }
            return;
        }
        switch (a.kind) {
            case Unpacked.ZERO -> {
                if (X87Stack.raise(s, FpuState.ZE)) {
                    X87Stack.write(s, 0, 0xFFFF, Long.MIN_VALUE);
                    X87Stack.push(s, a.sign << 15, 0);
                }
            }
            case Unpacked.INFINITY -> {
                X87Stack.write(s, 0, 0x7FFF, Long.MIN_VALUE);
                X87Stack.push(s, a.sign << 15 | 0x7FFF, Long.MIN_VALUE);
            }
            default -> {
                if (a.kind == Unpacked.NORMAL || X87Stack.raise(s, FpuState.DE)) {
                    s.second.setInteger(a.exponent);
                    X87Stack.write(s, 0, s.second.signExponent(), s.second.significand);
                    X87Stack.push(s, a.sign << 15 | 0x3FFF, a.significand);
                }
            }
        }
    }
}
