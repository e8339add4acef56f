package dev.vz.emulator.fpu;

/**
 * x87 partial remainders. One execution reduces the exponent by less than 64; if that does not do, C2 is set and the
 * program repeats the instruction. When done, C0, C3 and C1 hold the three lowest bits of the quotient.
 *
 * <p>
 * Intel SDM volume 2, FPREM and FPREM1.
 */
public final class X87Remainder {

    private X87Remainder() {}

    /** FPREM: the quotient is truncated. */
    public static void fprem(FpuState s) {
        remainder(s, false);
    }

    /** FPREM1: the quotient is rounded to nearest, as IEEE 754 wants the remainder. */
    public static void fprem1(FpuState s) {
        remainder(s, true);
    }

    private static void remainder(FpuState s, boolean nearest) {
        s.fsw &= ~FpuState.C2;
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
        if (a.kind == Unpacked.INFINITY || b.kind == Unpacked.ZERO) {
            if (X87Stack.invalid(s)) {
                X87Stack.writeResult(s, 0);
            }
            return;
        }
        boolean denormal = a.kind == Unpacked.DENORMAL || b.kind == Unpacked.DENORMAL;
        if (denormal && !X87Stack.raise(s, FpuState.DE)) {
            return;
        }
        s.fsw &= ~(FpuState.C0 | FpuState.C3);
        if (a.kind == Unpacked.ZERO) {
            return;
        }
        long quotient = 0;
        SoftFloat r = s.result;
        if (b.kind == Unpacked.INFINITY) {
            r.set(a);
        } else {
            quotient = reduce(s, a, b, nearest);
        }
        r.roundExtended(64, X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
        if (r.high == 0) {
            r.signExponent = a.sign << 15;
        }
        X87Stack.writeResult(s, 0);
        if ((s.fsw & FpuState.C2) == 0) {
            s.fsw |= ((quotient & 1) != 0 ? FpuState.C1 : 0) | ((quotient & 2) != 0 ? FpuState.C3 : 0)
                    | ((quotient & 4) != 0 ? FpuState.C0 : 0);
        }
    }

    /** Leaves the remainder in the result, exactly, and returns the lowest 64 bits of the quotient. */
    private static long reduce(FpuState s, Unpacked a, Unpacked b, boolean nearest) {
        SoftFloat r = s.result;
        r.set(a);
        int distance = a.exponent - b.exponent;
        if (distance < -1 || distance == -1 && !nearest) {
            return 0;
        }
        if (distance == -1) {
            if (Long.compareUnsigned(a.significand, b.significand) <= 0) {
                return 0;
            }
            setNormalized(r, a.sign ^ 1, a.exponent, (b.significand << 1) - a.significand);
            return 1;
        }
        int unit = b.exponent;
        boolean partial = distance >= 64;
        if (partial) {
            // Any step from 32 to 63 is allowed; this one leaves a multiple of 32 and is what processors are seen to do.
            int step = distance & 31 | 32;
            unit += distance - step;
            distance = step;
            s.fsw |= FpuState.C2;
        }
        long rest = a.significand;
        long quotient = 0;
        if (Long.compareUnsigned(rest, b.significand) >= 0) {
            rest -= b.significand;
            quotient = 1L << distance;
        }
        if (distance != 0) {
            long low = rest << distance;
            long digits = WideMath.divide(rest >>> 64 - distance, low, b.significand);
            rest = low - digits * b.significand;
            quotient += digits;
        }
        int sign = a.sign;
        if (nearest && !partial) {
            long other = b.significand - rest;
            int half = Long.compareUnsigned(rest, other);
            if (half > 0 || half == 0 && (quotient & 1) != 0) {
                rest = other;
                quotient++;
                sign ^= 1;
            }
        }
        setNormalized(r, sign, unit, rest);
        return quotient;
    }

    private static void setNormalized(SoftFloat r, int sign, int exponent, long significand) {
        int shift = Long.numberOfLeadingZeros(significand);
        r.sign = sign;
        r.exponent = exponent - shift;
        r.high = significand == 0 ? 0 : significand << shift;
        r.low = 0;
    }
}
