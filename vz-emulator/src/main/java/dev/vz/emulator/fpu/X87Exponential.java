package dev.vz.emulator.fpu;

/**
 * F2XM1, FYL2X and FYL2XP1, computed with some 60 guard bits and rounded as the control word says, always to 64 bits. As on
 * processors, a finite result other than zero counts as inexact even in the few cases where it is not.
 *
 * <p>
 * Intel SDM volume 1, 8.3.9 and 8.3.10; volume 2 for each instruction, whose tables of special operands are followed.
 */
public final class X87Exponential {

    /** The significand above which the logarithm's argument is halved: sqrt(2). */
    private static final long ROOT_OF_TWO = 0xB504_F333_F9DE_6484L;

    private X87Exponential() {}

    /** F2XM1: ST(0) becomes 2^ST(0) - 1, for operands from -1 to 1; one beyond is returned as it is. */
    public static void f2xm1(FpuState s) {
        if (s.isEmpty(0)) {
            if (X87Stack.underflow(s)) {
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
            }
            return;
        }
        if (a.kind == Unpacked.INFINITY) {
            if (a.sign != 0) {
                X87Stack.write(s, 0, 0xBFFF, Long.MIN_VALUE);
            }
            return;
        }
        if (a.kind == Unpacked.ZERO || a.kind == Unpacked.DENORMAL && !X87Stack.raise(s, FpuState.DE)) {
            return;
        }
        if (a.exponent >= 0) {
            if (a.exponent == 0 && a.significand == Long.MIN_VALUE && a.sign != 0) {
                X87Stack.write(s, 0, 0xBFFE, Long.MIN_VALUE);
            }
            X87Stack.raise(s, FpuState.PE);
            return;
        }
        WideFloat r = s.wide;
        r.set(a);
        long argumentHigh = r.fractionHigh();
        long argumentLow = r.fractionLow();
        FixedPolynomial.multiply(r, X87Coefficients.EXPONENTIAL, argumentHigh, argumentLow, a.sign != 0);
        r.toInexact(s.result);
        s.result.roundExtended(64, X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
        X87Stack.writeResult(s, 0);
    }

    /** FYL2X: ST(1) becomes ST(1) * log2(ST(0)), then pop. */
    public static void fyl2x(FpuState s) {
        Unpacked x = s.first;
        Unpacked y = s.second;
        if (!operands(s, x, y)) {
            return;
        }
        boolean invalid = x.sign != 0 && x.kind != Unpacked.ZERO
                || y.kind == Unpacked.ZERO && (x.kind == Unpacked.ZERO || x.kind == Unpacked.INFINITY)
                || y.kind == Unpacked.INFINITY && isOne(x);
        if (invalid) {
            if (X87Stack.invalid(s)) {
                deliver(s);
            }
            return;
        }
        boolean divides = x.kind == Unpacked.ZERO && y.kind != Unpacked.INFINITY;
        if (divides ? !X87Stack.raise(s, FpuState.ZE) : denormalStops(s, x, y)) {
            return;
        }
        boolean below = x.kind == Unpacked.ZERO || x.kind != Unpacked.INFINITY && x.exponent < 0;
        int sign = below ? y.sign ^ 1 : y.sign;
        if (x.kind == Unpacked.ZERO || x.kind == Unpacked.INFINITY || y.kind == Unpacked.INFINITY) {
            special(s, sign, true);
        } else if (y.kind == Unpacked.ZERO || isOne(x)) {
            special(s, sign, false);
        } else {
            boolean exact = logarithm(s, x);
            multiplyAndDeliver(s, y, exact);
        }
    }

    /**
     * FYL2XP1: ST(1) becomes ST(1) * log2(ST(0) + 1), then pop. Accurate for small ST(0). Beyond the range that the
     * architecture defines, operands above -1 give the logarithm as well, and others ST(0) itself.
     */
    public static void fyl2xp1(FpuState s) {
        Unpacked x = s.first;
        Unpacked y = s.second;
        if (!operands(s, x, y)) {
            return;
        }
        boolean invalid = x.kind == Unpacked.INFINITY && (x.sign != 0 || y.kind == Unpacked.ZERO)
                || x.kind == Unpacked.ZERO && y.kind == Unpacked.INFINITY;
        if (invalid) {
            if (X87Stack.invalid(s)) {
                deliver(s);
            }
            return;
        }
        if (denormalStops(s, x, y)) {
            return;
        }
        int sign = x.sign ^ y.sign;
        if (x.kind == Unpacked.ZERO || y.kind == Unpacked.ZERO) {
            special(s, sign, false);
        } else if (x.kind == Unpacked.INFINITY || y.kind == Unpacked.INFINITY) {
            special(s, sign, true);
        } else if (x.sign != 0 && x.kind == Unpacked.NORMAL && x.exponent >= 0) {
            s.result.signExponent = x.signExponent();
            s.result.significand = x.significand;
            X87Stack.raise(s, FpuState.PE);
            deliver(s);
        } else {
            boolean exact = logarithmOfOnePlus(s, x);
            multiplyAndDeliver(s, y, exact);
        }
    }

    /** Reads both operands; false when a stack fault or a NaN has already been answered. */
    private static boolean operands(FpuState s, Unpacked x, Unpacked y) {
        if (s.isEmpty(0) || s.isEmpty(1)) {
            if (X87Stack.underflow(s)) {
                X87Stack.writeIndefinite(s, 1);
                X87Stack.pop(s);
            }
            return false;
        }
        X87Stack.read(s, 0, x);
        X87Stack.read(s, 1, y);
        X87Stack.clearC1(s);
        if (x.isUnordered() || y.isUnordered()) {
            if (X87Stack.propagate(s, x, y)) {
                deliver(s);
            }
            return false;
        }
        return true;
    }

    private static boolean denormalStops(FpuState s, Unpacked x, Unpacked y) {
        return (x.kind == Unpacked.DENORMAL || y.kind == Unpacked.DENORMAL) && !X87Stack.raise(s, FpuState.DE);
    }

    private static boolean isOne(Unpacked x) {
        return x.kind == Unpacked.NORMAL && x.exponent == 0 && x.significand == Long.MIN_VALUE;
    }

    private static void special(FpuState s, int sign, boolean infinite) {
        s.result.signExponent = sign << 15 | (infinite ? 0x7FFF : 0);
        s.result.significand = infinite ? Long.MIN_VALUE : 0;
        deliver(s);
    }

    private static void deliver(FpuState s) {
        X87Stack.writeResult(s, 1);
        X87Stack.pop(s);
    }

    private static void multiplyAndDeliver(FpuState s, Unpacked y, boolean exact) {
        WideFloat r = s.wide;
        r.multiply(y);
        r.toInexact(s.result);
        if (exact) {
            s.result.low = r.low;
        }
        s.result.roundExtended(64, X87Stack.roundingMode(s), s.fcw);
        boolean denormal = (s.result.signExponent & 0x7FFF) == 0;
        s.result.flags |= denormal ? FpuState.UE | FpuState.PE : FpuState.PE;
        X87Stack.conclude(s);
        deliver(s);
    }

    /** Leaves log2 of a positive number other than one in {@code s.wide}; true when it is exact. */
    private static boolean logarithm(FpuState s, Unpacked x) {
        WideFloat r = s.wide;
        int exponent = x.exponent;
        if (x.significand == Long.MIN_VALUE) {
            r.setInteger(exponent);
            return true;
        }
        // x = 2^exponent * m, and with s = (m - 1) / (m + 1) the logarithm of m is a series in s.
        boolean halve = Long.compareUnsigned(x.significand, ROOT_OF_TWO) > 0;
        int scale = halve ? -1 : 0;
        exponent -= scale;
        WideFloat one = s.wideSecond;
        r.set(0, scale, x.significand, 0);
        one.set(1, 0, Long.MIN_VALUE, 0);
        r.add(one);
        s.wideThird.set(0, scale, x.significand, 0);
        one.sign = 0;
        s.wideThird.add(one);
        r.divide(s.wideThird);
        series(s, r);
        if (exponent != 0) {
            one.setInteger(exponent);
            r.add(one);
        }
        return false;
    }

    private static boolean logarithmOfOnePlus(FpuState s, Unpacked x) {
        WideFloat r = s.wide;
        WideFloat other = s.wideSecond;
        boolean near = x.exponent < -2 || x.exponent == -2 && (x.sign == 0
                || Long.compareUnsigned(x.significand, 0x95F6_1998_0C43_36F7L) <= 0);
        r.set(x);
        int exponent = 0;
        if (near) {
            // log2(1 + x) with s = x / (2 + x): no digits are lost however small x is.
            other.set(0, 1, Long.MIN_VALUE, 0);
            other.add(r);
        } else {
            other.set(0, 0, Long.MIN_VALUE, 0);
            r.add(other);
            exponent = r.exponent;
            if (Long.compareUnsigned(r.high, ROOT_OF_TWO) > 0) {
                exponent++;
            }
            r.exponent -= exponent;
            s.wideThird.set(r);
            s.wideThird.add(other);
            other.sign = 1;
            r.add(other);
            other.set(s.wideThird);
        }
        boolean exact = r.isZero();
        if (!exact) {
            r.divide(other);
            series(s, r);
        }
        if (exponent != 0) {
            other.setInteger(exponent);
            r.add(other);
        }
        return exact;
    }

    /** Replaces s by log2((1 + s) / (1 - s)). */
    private static void series(FpuState s, WideFloat r) {
        WideFloat square = s.wideThird;
        square.set(r);
        square.multiply(r);
        FixedPolynomial.multiply(r, X87Coefficients.LOGARITHM, square.fractionHigh(), square.fractionLow(), false);
        r.exponent += 2;
    }
}
