package dev.vz.emulator.fpu;

/**
 * Binary floating-point arithmetic on 64-bit significands, exact to the last bit and independent of the host's. An
 * operation leaves its exact result (or one with the same rounding) in {@link #high}, {@link #low}; one of the rounding
 * methods then turns it into a format and sets {@link #flags}. All memory is in the instance, which belongs to one thread.
 *
 * <p>
 * Flag bits and rounding modes are numbered as in the x87 status and control words, and as in MXCSR; tininess is detected
 * after rounding, as this architecture does. Intel SDM volume 1, 4.8.4 (rounding), 4.9 (exceptions), 8.5 (x87 responses).
 */
public final class SoftFloat {

    /** Rounding mode: to nearest, ties to even. */
    public static final int NEAREST = 0;
    /** Rounding mode: toward minus infinity. */
    public static final int DOWN = 1;
    /** Rounding mode: toward plus infinity. */
    public static final int UP = 2;
    /** Rounding mode: toward zero. */
    public static final int TRUNCATE = 3;

    /** How far an unmasked overflow or underflow moves the exponent of a result in a register. */
    private static final int EXPONENT_BIAS_ADJUSTMENT = 24576;
    private static final int MINIMUM_EXPONENT = -16382;
    private static final int MAXIMUM_EXPONENT = 16383;

    /** Sign of the result: 1 when negative. */
    public int sign;
    /** Unbiased exponent of the result before rounding. */
    public int exponent;
    /** Upper half of the 128-bit significand, bit 63 set; zero when the result is zero. */
    public long high;
    /** Lower half of the significand; its lowest bit is sticky. */
    public long low;

    /** Exception flags of the last rounding: OE, UE and PE. */
    public int flags;
    /** Whether the last rounding increased the magnitude: C1 of the x87 status word. */
    public boolean roundedUp;
    /** The result of {@link #roundExtended}: sign and biased exponent. */
    public int signExponent;
    /** The result of {@link #roundExtended}: significand. */
    public long significand;

    private boolean inexact;
    private boolean carried;

    /** Makes scratch space for one thread. */
    public SoftFloat() {}

    /** Takes over an operand as it is. */
    public void set(Unpacked a) {
        sign = a.sign;
        exponent = a.exponent;
        high = a.kind == Unpacked.ZERO ? 0 : a.significand;
        low = 0;
    }

    /** {@code a + b} of numbers that are not zero; an exact zero gets the sign plus and {@link #high} zero. */
    public void add(Unpacked a, Unpacked b, int signB) {
        Unpacked large = a;
        Unpacked small = b;
        int signLarge = a.sign;
        if (a.exponent < b.exponent
                || a.exponent == b.exponent && Long.compareUnsigned(a.significand, b.significand) < 0) {
            large = b;
            small = a;
            signLarge = signB;
        }
        sign = signLarge;
        exponent = large.exponent;
        long smallHigh = 0;
        long smallLow;
        int distance = large.exponent - small.exponent;
        if (distance == 0) {
            smallHigh = small.significand;
            smallLow = 0;
        } else if (distance < 64) {
            smallHigh = small.significand >>> distance;
            smallLow = small.significand << 64 - distance;
        } else if (distance == 64) {
            smallLow = small.significand;
        } else if (distance < 128) {
            smallLow = small.significand >>> distance - 64 | (small.significand << 128 - distance != 0 ? 1 : 0);
        } else {
            smallLow = 1;
        }
        if (a.sign == signB) {
            high = large.significand + smallHigh;
            low = smallLow;
            if (Long.compareUnsigned(high, smallHigh) < 0) {
                low = high << 63 | low >>> 1 | low & 1;
                high = high >>> 1 | Long.MIN_VALUE;
                exponent++;
            }
        } else {
            low = -smallLow;
            high = large.significand - smallHigh - (low != 0 ? 1 : 0);
            normalize();
        }
    }

    private void normalize() {
        if (high == 0) {
            if (low == 0) {
                sign = 0;
                return;
            }
            high = low;
            low = 0;
            exponent -= 64;
        }
        int shift = Long.numberOfLeadingZeros(high);
        if (shift > 0) {
            high = high << shift | low >>> 64 - shift;
            low <<= shift;
            exponent -= shift;
        }
    }

    /** {@code a * b} of numbers that are not zero. */
    public void multiply(Unpacked a, Unpacked b) {
        sign = a.sign ^ b.sign;
        exponent = a.exponent + b.exponent + 1;
        high = Math.unsignedMultiplyHigh(a.significand, b.significand);
        low = a.significand * b.significand;
        if (high >= 0) {
            high = high << 1 | low >>> 63;
            low <<= 1;
            exponent--;
        }
    }

    /** {@code a / b} of numbers that are not zero. */
    public void divide(Unpacked a, Unpacked b) {
        sign = a.sign ^ b.sign;
        exponent = a.exponent - b.exponent;
        long divisor = b.significand;
        long dividendHigh = a.significand;
        long dividendLow = 0;
        if (Long.compareUnsigned(dividendHigh, divisor) >= 0) {
            dividendLow = dividendHigh << 63;
            dividendHigh >>>= 1;
        } else {
            exponent--;
        }
        high = WideMath.divide(dividendHigh, dividendLow, divisor);
        long remainder = dividendLow - high * divisor;
        if (remainder == 0) {
            low = 0;
        } else {
            // A tie cannot be: an odd number times a divisor below 2^64 would have to be a multiple of 2^64.
            low = Long.compareUnsigned(remainder, divisor - remainder) < 0 ? 1 : Long.MIN_VALUE | 1;
        }
    }

    /** Square root of a positive number. */
    public void squareRoot(Unpacked a) {
        sign = 0;
        exponent = a.exponent >> 1;
        boolean odd = (a.exponent & 1) != 0;
        long radicandHigh = odd ? a.significand : a.significand >>> 1;
        long radicandLow = odd ? 0 : a.significand << 63;
        double approximate = (double) (radicandHigh >>> 1 | radicandHigh & 1) * 2.0;
        long root = (long) (Math.sqrt(approximate) * 0x1p31) << 1;
        long remainderLow = radicandLow - root * root;
        long remainderHigh = radicandHigh - Math.unsignedMultiplyHigh(root, root)
                - (Long.compareUnsigned(radicandLow, root * root) < 0 ? 1 : 0);
        double remainder = remainderHigh * 0x1p64 + (remainderLow >>> 1) * 2.0;
        // One less than the correction, so that the root is never too large; the loop below makes up for it.
        root += (long) (remainder / ((root >>> 1) * 4.0)) - 1;
        remainderLow = radicandLow - root * root;
        remainderHigh = radicandHigh - Math.unsignedMultiplyHigh(root, root)
                - (Long.compareUnsigned(radicandLow, root * root) < 0 ? 1 : 0);
        while (remainderHigh > root >>> 63
                || remainderHigh == root >>> 63 && Long.compareUnsigned(remainderLow, root << 1) > 0) {
            long step = (root << 1) + 1;
            remainderHigh -= (root >>> 63) + (Long.compareUnsigned(remainderLow, step) < 0 ? 1 : 0);
            remainderLow -= step;
            root++;
        }
        high = root;
        if ((remainderHigh | remainderLow) == 0) {
            low = 0;
        } else {
            // The exact root lies in the upper half of its interval when the remainder exceeds the root.
            boolean upper = remainderHigh != 0 || Long.compareUnsigned(remainderLow, root) > 0;
            low = upper ? Long.MIN_VALUE | 1 : 1;
        }
    }

    /**
     * Rounds to the 80-bit format into {@link #signExponent}, {@link #significand}.
     *
     * @param precision significant bits to keep: 24, 53 or 64
     * @param roundingMode one of the four modes
     * @param control control word, for the masks of overflow and underflow
     */
    public void roundExtended(int precision, int roundingMode, int control) {
        flags = 0;
        if (high == 0) {
            roundedUp = false;
            signExponent = sign << 15;
            significand = 0;
            return;
        }
        if (exponent < MINIMUM_EXPONENT) {
            boolean tiny = isTiny(MINIMUM_EXPONENT, precision, roundingMode);
            if (!tiny || (control & FpuState.UE) != 0) {
                shiftRight(MINIMUM_EXPONENT - exponent);
                significand = round(high, low, precision, roundingMode);
                signExponent = sign << 15 | (significand < 0 ? 1 : 0);
                flags = inexact ? tiny ? FpuState.UE | FpuState.PE : FpuState.PE : 0;
                return;
            }
            flags = FpuState.UE;
            exponent += EXPONENT_BIAS_ADJUSTMENT;
            if (exponent < MINIMUM_EXPONENT) {
                beyondAdjustment(0, 0);
                return;
            }
        }
        significand = round(high, low, precision, roundingMode);
        exponent += carried ? 1 : 0;
        if (exponent > MAXIMUM_EXPONENT) {
            flags |= FpuState.OE;
            if ((control & FpuState.OE) != 0) {
                overflowExtended(precision, roundingMode);
                return;
            }
            exponent -= EXPONENT_BIAS_ADJUSTMENT;
            if (exponent > MAXIMUM_EXPONENT) {
                beyondAdjustment(0x7FFF, Long.MIN_VALUE);
                return;
            }
        }
        flags |= inexact ? FpuState.PE : 0;
        signExponent = sign << 15 | exponent + MAXIMUM_EXPONENT;
    }

    /** FSCALE alone gets so far that even an adjusted exponent does not fit: zero or infinity, whatever the rounding. */
    private void beyondAdjustment(int biased, long bits) {
        flags |= FpuState.PE;
        roundedUp = biased != 0;
        signExponent = sign << 15 | biased;
        significand = bits;
    }

    private void overflowExtended(int precision, int roundingMode) {
        flags |= FpuState.PE;
        roundedUp = overflowsToInfinity(roundingMode);
        signExponent = sign << 15 | (roundedUp ? 0x7FFF : 0x7FFE);
        significand = roundedUp ? Long.MIN_VALUE : -1L << 64 - precision;
    }

    private boolean overflowsToInfinity(int roundingMode) {
        return roundingMode == NEAREST || roundingMode == (sign != 0 ? DOWN : UP);
    }

    /** Rounds to double precision; see {@link #roundSingle}. */
    public long roundDouble(int roundingMode, boolean flushToZero) {
        return (long) sign << 63 | roundBinary(53, 1023, roundingMode, flushToZero);
    }

    /**
     * Rounds to single precision. Overflow and underflow give the result that belongs to a masked exception; whoever has
     * it unmasked discards the result. UE in {@link #flags} is what a masked exception reports (tiny and inexact);
     * {@link #tiny} says what an unmasked one reacts to.
     *
     * @param roundingMode one of the four modes
     * @param flushToZero whether a tiny result becomes zero
     */
    public int roundSingle(int roundingMode, boolean flushToZero) {
        return sign << 31 | (int) roundBinary(24, 127, roundingMode, flushToZero);
    }

    /** Whether the last result rounded to single or double was tiny, exact or not. */
    public boolean tiny;
    /** Whether the last rounding to single or double would have been inexact with an unlimited exponent, too. */
    public boolean inexactUnlimited;

    private long roundBinary(int precision, int maximumExponent, int roundingMode, boolean flushToZero) {
        flags = 0;
        tiny = false;
        roundedUp = false;
        inexactUnlimited = false;
        if (high == 0) {
            return 0;
        }
        int fractionBits = precision - 1;
        if (exponent < 1 - maximumExponent) {
            tiny = isTiny(1 - maximumExponent, precision, roundingMode);
            inexactUnlimited = (high & (1L << 64 - precision) - 1 | low) != 0;
            if (tiny && flushToZero) {
                flags = FpuState.UE | FpuState.PE;
                return 0;
            }
            shiftRight(1 - maximumExponent - exponent);
            long denormal = round(high, low, precision, roundingMode) >>> 64 - precision;
            flags = inexact ? tiny ? FpuState.UE | FpuState.PE : FpuState.PE : 0;
            return denormal;
        }
        long magnitude = round(high, low, precision, roundingMode) >>> 64 - precision;
        inexactUnlimited = inexact;
        int rounded = exponent + (carried ? 1 : 0);
        if (rounded > maximumExponent) {
            flags = FpuState.OE | FpuState.PE;
            long infinity = (long) (2 * maximumExponent + 1) << fractionBits;
            roundedUp = overflowsToInfinity(roundingMode);
            return roundedUp ? infinity : infinity - 1;
        }
        flags = inexact ? FpuState.PE : 0;
        return ((long) (rounded + maximumExponent) << fractionBits) + (magnitude & (1L << fractionBits) - 1);
    }

    /**
     * Rounds a number that {@link #set} took over to an integer, into a magnitude that {@link #sign} belongs to. Inexactness
     * is in {@link #flags}; magnitudes of 2^64 and more set IE there, and the value returned is then meaningless.
     */
    public long roundInteger(int roundingMode) {
        flags = 0;
        roundedUp = false;
        if (high == 0) {
            return 0;
        }
        if (exponent > 63) {
            flags = FpuState.IE;
            return 0;
        }
        // Make room for the fraction below bit 0 of the magnitude.
        shiftRight(63 - exponent);
        long magnitude = round(high, low, 64, roundingMode);
        flags = inexact ? FpuState.PE : 0;
        return magnitude;
    }

    /** Whether the result, rounded as if exponents had no lower limit, stays below the smallest normal number. */
    private boolean isTiny(int minimumExponent, int precision, int roundingMode) {
        if (exponent < minimumExponent - 1) {
            return true;
        }
        round(high, low, precision, roundingMode);
        return !carried;
    }

    private void shiftRight(int distance) {
        if (distance == 0) {
            return;
        }
        if (distance < 64) {
            low = high << 64 - distance | low >>> distance | (low << 64 - distance != 0 ? 1 : 0);
            high >>>= distance;
        } else if (distance < 128) {
            boolean lost = low != 0 || distance > 64 && high << 128 - distance != 0;
            low = (distance == 64 ? high : high >>> distance - 64) | (lost ? 1 : 0);
            high = 0;
        } else {
            low = 1;
            high = 0;
        }
    }

    /** Keeps the top {@code precision} bits of a 128-bit significand; a carry out of bit 63 gives 2^63. */
    private long round(long upper, long lower, int precision, int roundingMode) {
        int drop = 64 - precision;
        long kept = upper;
        long rest = lower;
        if (drop != 0) {
            kept = upper >>> drop << drop;
            rest = upper << precision | lower >>> drop | (lower << precision != 0 ? 1 : 0);
        }
        carried = false;
        inexact = rest != 0;
        roundedUp = false;
        if (inexact) {
            roundedUp = switch (roundingMode) {
                case NEAREST -> rest < 0 && (rest != Long.MIN_VALUE || (kept >>> drop & 1) != 0);
                case DOWN -> sign != 0;
                case UP -> sign == 0;
                default -> false;
            };
            if (roundedUp) {
                kept += 1L << drop;
                if (kept == 0) {
                    carried = true;
                    kept = Long.MIN_VALUE;
                }
            }
        }
        return kept;
    }
}
