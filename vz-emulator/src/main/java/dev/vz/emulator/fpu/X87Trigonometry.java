package dev.vz.emulator.fpu;

/**
 * FSIN, FCOS, FSINCOS and FPTAN. Arguments are reduced with the 66-bit approximation of pi that the processors use, so
 * that results near multiples of pi agree with theirs; the remainder is exact, and the series has some 60 guard bits.
 *
 * <p>
 * Intel SDM volume 1, 8.3.8 (approximation of pi) and 8.3.10 (accuracy); volume 2 for each instruction.
 */
public final class X87Trigonometry {

    /** Half of the 66-bit pi is this and {@link #HALF_PI_LOW}, as an integer times 2^-65. */
    private static final long HALF_PI_HIGH = 0x3;
    private static final long HALF_PI_LOW = 0x243F_6A88_85A3_08D3L;
    /** Arguments of this exponent and above are out of range: C2 is set and nothing else happens. */
    private static final int RANGE = 63;

    private static final int SINE = 0;
    private static final int COSINE = 1;
    private static final int BOTH = 2;
    private static final int TANGENT = 3;

    private X87Trigonometry() {}

    /** FSIN. */
    public static void fsin(FpuState s) {
        execute(s, SINE);
    }

    /** FCOS. */
    public static void fcos(FpuState s) {
        execute(s, COSINE);
    }

    /** FSINCOS: the sine replaces ST(0), the cosine is pushed; C1 tells how the sine was rounded. */
    public static void fsincos(FpuState s) {
        execute(s, BOTH);
    }

    /** FPTAN: the tangent replaces ST(0), 1.0 is pushed. */
    public static void fptan(FpuState s) {
        execute(s, TANGENT);
    }

    private static void execute(FpuState s, int function) {
        boolean pushes = function >= BOTH;
        s.fsw &= ~FpuState.C2;
        if (s.isEmpty(0) || pushes && !s.isEmpty(7)) {
            boolean masked = s.isEmpty(0) ? X87Stack.underflow(s) : X87Stack.overflow(s);
            if (masked) {
                X87Stack.writeIndefinite(s, 0);
                if (pushes) {
                    s.top = s.top - 1 & 7;
                    X87Stack.writeIndefinite(s, 0);
                }
            }
            return;
        }
        Unpacked a = s.first;
        X87Stack.read(s, 0, a);
        X87Stack.clearC1(s);
        if (a.isUnordered() || a.kind == Unpacked.INFINITY) {
            if (a.isUnordered() ? X87Stack.propagate(s, a) : X87Stack.invalid(s)) {
                X87Stack.writeResult(s, 0);
                if (pushes) {
                    X87Stack.push(s, s.result.signExponent, s.result.significand);
                }
            }
            return;
        }
        if (a.kind == Unpacked.ZERO) {
            zero(s, function);
            return;
        }
        if (a.exponent >= RANGE) {
            s.fsw |= FpuState.C2;
            return;
        }
        if (a.kind == Unpacked.DENORMAL && !X87Stack.raise(s, FpuState.DE)) {
            return;
        }
        compute(s, a, function);
    }

    private static void zero(FpuState s, int function) {
        if (function == COSINE) {
            X87Stack.write(s, 0, 0x3FFF, Long.MIN_VALUE);
        } else if (function != SINE) {
            X87Stack.push(s, 0x3FFF, Long.MIN_VALUE);
        }
    }

    private static void compute(FpuState s, Unpacked a, int function) {
        WideFloat r = s.wide;
        int angle = reduce(r, a);
        int quadrant = angle >> 1;
        boolean complement = (angle & 1) != 0;
        switch (function) {
            case SINE -> sine(s, r, quadrant, complement, a.sign);
            case COSINE -> sine(s, r, quadrant + 1, complement, 0);
            case TANGENT -> tangent(s, r, quadrant, complement, a.sign);
            default -> {
                s.wideThird.set(r);
                sine(s, r, quadrant, complement, a.sign);
                deliver(s, r);
                int roundedUp = s.fsw & FpuState.C1;
                s.top = s.top - 1 & 7;
                sine(s, s.wideThird, quadrant + 1, complement, 0);
                deliver(s, s.wideThird);
                s.fsw = s.fsw & ~FpuState.C1 | roundedUp;
                return;
            }
        }
        deliver(s, r);
        if (function == TANGENT) {
            s.top = s.top - 1 & 7;
            X87Stack.write(s, 0, 0x3FFF, Long.MIN_VALUE);
        }
    }

    private static void deliver(FpuState s, WideFloat value) {
        value.toInexact(s.result);
        s.result.roundExtended(64, X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
        X87Stack.writeResult(s, 0);
    }

    /**
     * Reduces the magnitude of an operand to (0, pi/4].
     *
     * @return twice the number of quarter turns taken off, modulo 4, plus one if the rest is measured back from the next
     *         quarter turn
     */
    private static int reduce(WideFloat r, Unpacked a) {
        if (a.exponent < -1) {
            r.set(0, a.exponent, a.significand, 0);
            return 0;
        }
        // The argument counts units of 2^-65 once it is shifted left by two more than its exponent; taking off the
        // divisor after every single shift keeps the rest below 2^67.
        long high = 0;
        long low = a.significand;
        int quadrant = 0;
        for (int i = a.exponent + 2; i > 0; i--) {
            high = high << 1 | low >>> 63;
            low <<= 1;
            quadrant <<= 1;
            if (high > HALF_PI_HIGH || high == HALF_PI_HIGH && Long.compareUnsigned(low, HALF_PI_LOW) >= 0) {
                high -= HALF_PI_HIGH + (Long.compareUnsigned(low, HALF_PI_LOW) < 0 ? 1 : 0);
                low -= HALF_PI_LOW;
                quadrant++;
            }
        }
        long otherLow = HALF_PI_LOW - low;
        long otherHigh = HALF_PI_HIGH - high - (Long.compareUnsigned(HALF_PI_LOW, low) < 0 ? 1 : 0);
        boolean complement = otherHigh < high || otherHigh == high && Long.compareUnsigned(otherLow, low) < 0;
        r.set(0, 62, complement ? otherHigh : high, complement ? otherLow : low);
        return (quadrant & 3) << 1 | (complement ? 1 : 0);
    }

    /** Replaces a reduced argument by the sine of the whole angle. */
    private static void sine(FpuState s, WideFloat r, int quadrant, boolean complement, int sign) {
        series(s, r, (quadrant & 1) != 0 != complement);
        r.sign = sign ^ quadrant >> 1 & 1;
    }

    private static void tangent(FpuState s, WideFloat r, int quadrant, boolean complement, int sign) {
        boolean reciprocal = (quadrant & 1) != 0 != complement;
        WideFloat divisor = s.wideThird;
        divisor.set(r);
        series(s, r, reciprocal);
        series(s, divisor, !reciprocal);
        r.divide(divisor);
        r.sign = sign ^ quadrant & 1;
    }

    /** Replaces a reduced argument by its sine or cosine. */
    private static void series(FpuState s, WideFloat r, boolean cosine) {
        WideFloat square = s.wideSecond;
        square.set(r);
        square.multiply(r);
        long argumentHigh = square.fractionHigh();
        long argumentLow = square.fractionLow();
        if (cosine) {
            r.set(0, 0, Long.MIN_VALUE, 0);
        }
        long[] coefficients = cosine ? X87Coefficients.COSINE : X87Coefficients.SINE;
        FixedPolynomial.multiply(r, coefficients, argumentHigh, argumentLow, true);
        r.exponent++;
    }
}
