package dev.vz.emulator.fpu;

/**
 * FPATAN, computed with some 60 guard bits and rounded as the control word says, always to 64 bits.
 *
 * <p>
 * Intel SDM volume 2, FPATAN, whose table of special operands is followed; volume 1, 8.3.10.
 */
public final class X87Arctangent {

    /** Angles that special operands give, in quarters of pi. */
    private static final int QUARTER = 1;
    private static final int HALF = 2;
    private static final int THREE_QUARTERS = 3;
    private static final int FULL = 4;

    private X87Arctangent() {}

    /** ST(1) becomes the angle of the point (ST(0), ST(1)), from -pi to pi, then pop. */
    public static void fpatan(FpuState s) {
        if (s.isEmpty(0) || s.isEmpty(1)) {
            if (X87Stack.underflow(s)) {
                X87Stack.writeIndefinite(s, 1);
                X87Stack.pop(s);
            }
            return;
        }
        Unpacked x = s.first;
        Unpacked y = s.second;
        X87Stack.read(s, 0, x);
        X87Stack.read(s, 1, y);
        X87Stack.clearC1(s);
        if (x.isUnordered() || y.isUnordered()) {
            if (!X87Stack.propagate(s, x, y)) {
                return;
            }
        } else {
            boolean denormal = x.kind == Unpacked.DENORMAL || y.kind == Unpacked.DENORMAL;
            if (denormal && !X87Stack.raise(s, FpuState.DE)) {
                return;
            }
            compute(s, x, y);
        }
        X87Stack.writeResult(s, 1);
        X87Stack.pop(s);
    }

    private static void compute(FpuState s, Unpacked x, Unpacked y) {
        int quarters = special(x, y);
        if (quarters == 0) {
            s.result.signExponent = y.sign << 15;
            s.result.significand = 0;
            return;
        }
        WideFloat r = s.wide;
        if (quarters > 0) {
            setQuarters(r, s.wideSecond, quarters);
        } else {
            general(s, x, y);
        }
        r.sign = y.sign;
        r.toInexact(s.result);
        s.result.roundExtended(64, X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
    }

    /** The angle in quarters of pi that zeros and infinities give, or -1 for ordinary operands. */
    private static int special(Unpacked x, Unpacked y) {
        boolean right = x.sign == 0;
        if (y.kind == Unpacked.INFINITY) {
            return x.kind != Unpacked.INFINITY ? HALF : right ? QUARTER : THREE_QUARTERS;
        }
        if (x.kind == Unpacked.INFINITY || y.kind == Unpacked.ZERO) {
            return right ? 0 : FULL;
        }
        return x.kind == Unpacked.ZERO ? HALF : -1;
    }

    private static void setQuarters(WideFloat r, WideFloat scratch, int quarters) {
        r.set(0, -1, X87Coefficients.QUARTER_PI_HIGH, X87Coefficients.QUARTER_PI_LOW);
        scratch.set(r);
        r.exponent += quarters == QUARTER ? 0 : quarters == FULL ? 2 : 1;
        if (quarters == THREE_QUARTERS) {
            r.add(scratch);
        }
    }

    private static void general(FpuState s, Unpacked x, Unpacked y) {
        WideFloat r = s.wide;
        WideFloat other = s.wideSecond;
        r.set(0, y.exponent, y.significand, 0);
        other.set(0, x.exponent, x.significand, 0);
        boolean steep = r.compareMagnitude(other) > 0;
        if (steep) {
            r.set(0, x.exponent, x.significand, 0);
            other.set(0, y.exponent, y.significand, 0);
        }
        r.divide(other);
        ofFraction(s);
        if (steep) {
            // The angle is counted from the vertical axis.
            setQuarters(other, s.wideThird, HALF);
            r.sign = x.sign == 0 ? 1 : 0;
            r.add(other);
        } else if (x.sign != 0) {
            setQuarters(other, s.wideThird, FULL);
            r.sign = 1;
            r.add(other);
        }
    }

    /** Replaces a number from 0 to 1 in {@code s.wide} by its arctangent. */
    private static void ofFraction(FpuState s) {
        WideFloat r = s.wide;
        WideFloat other = s.wideSecond;
        int sixteenths = 0;
        if (r.exponent >= -5) {
            sixteenths = (int) (r.high >>> 58 - r.exponent) + 1 >> 1;
        }
        if (sixteenths != 0) {
            // arctan(q) = arctan(c) + arctan((q - c) / (1 + q c)) with c the nearest sixteenth.
            WideFloat nearest = s.wideThird;
            nearest.set(0, 59, sixteenths, 0);
            other.set(r);
            other.multiply(nearest);
            nearest.sign = 1;
            r.add(nearest);
            nearest.set(0, 0, Long.MIN_VALUE, 0);
            other.add(nearest);
            if (!r.isZero()) {
                r.divide(other);
            }
        }
        if (!r.isZero()) {
            other.set(r);
            other.multiply(r);
            FixedPolynomial.multiply(r, X87Coefficients.ARCTANGENT, other.fractionHigh(), other.fractionLow(), true);
            r.exponent++;
        }
        if (sixteenths != 0) {
            long[] table = X87Coefficients.ARCTANGENT_OF_SIXTEENTHS;
            other.set(0, -1, table[2 * sixteenths], table[2 * sixteenths + 1]);
            r.add(other);
        }
    }
}
