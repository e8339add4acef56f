package dev.vz.emulator.fpu;

/**
 * A number with a 128-bit significand, for the insides of transcendental functions: its value is
 * {@code (-1)^sign * (high:low) / 2^127 * 2^exponent}. Results are truncated, with relative errors of a few units of
 * 2^-127; that leaves more than 50 guard bits for a 64-bit result. Zero has {@link #high} zero.
 */
final class WideFloat {

    int sign;
    int exponent;
    long high;
    long low;

    void set(int newSign, int newExponent, long newHigh, long newLow) {
        sign = newSign;
        exponent = newExponent;
        high = newHigh;
        low = newLow;
        normalize();
    }

    /** Takes over a number that is not zero. */
    void set(Unpacked a) {
        sign = a.sign;
        exponent = a.exponent;
        high = a.significand;
        low = 0;
    }

    void set(WideFloat a) {
        sign = a.sign;
        exponent = a.exponent;
        high = a.high;
        low = a.low;
    }

    void setInteger(int value) {
        set(value < 0 ? 1 : 0, 63, Math.abs((long) value), 0);
    }

    boolean isZero() {
        return high == 0;
    }

    private void normalize() {
        if (high == 0) {
            if (low == 0) {
                return;
            }
            high = low;
            low = 0;
            exponent -= 64;
        }
        int shift = Long.numberOfLeadingZeros(high);
        if (shift != 0) {
            high = high << shift | low >>> 64 - shift;
            low <<= shift;
            exponent -= shift;
        }
    }

    /** This = this * b. */
    void multiply(WideFloat b) {
        multiply(b.sign, b.exponent, b.high, b.low);
    }

    /** This = this * a 64-bit number. */
    void multiply(Unpacked b) {
        multiply(b.sign, b.exponent, b.significand, 0);
    }

    /** This = this * (high:low) / 2^128, a fraction as {@link FixedPolynomial} leaves it. */
    void multiplyFraction(long fractionHigh, long fractionLow) {
        multiply(0, -1, fractionHigh, fractionLow);
        normalize();
    }

    private void multiply(int signB, int exponentB, long highB, long lowB) {
        long cross = Math.unsignedMultiplyHigh(high, lowB);
        long product = high * highB;
        long middle = product + cross;
        long top = Math.unsignedMultiplyHigh(high, highB) + (Long.compareUnsigned(middle, product) < 0 ? 1 : 0);
        long other = Math.unsignedMultiplyHigh(low, highB);
        long bottom = middle + other;
        top += Long.compareUnsigned(bottom, middle) < 0 ? 1 : 0;
        sign ^= signB;
        exponent += exponentB + 1;
        high = top;
        low = bottom;
        if (high > 0) {
            normalize();
        }
    }

    /** This = this + b, which is not zero. */
    void add(WideFloat b) {
        if (high == 0) {
            set(b);
            return;
        }
        boolean swap = exponent < b.exponent || exponent == b.exponent && compareSignificand(b) < 0;
        if (swap) {
            sum(b.sign, b.exponent, b.high, b.low, sign, exponent, high, low);
        } else {
            sum(sign, exponent, high, low, b.sign, b.exponent, b.high, b.low);
        }
    }

    /** Adds the smaller of two numbers to the larger. */
    private void sum(int signA, int exponentA, long highA, long lowA, int signB, int exponentB, long highB,
            long lowB) {
        int distance = exponentA - exponentB;
        long h = highB;
        long l = lowB;
        if (distance >= 128) {
            h = 0;
            l = 0;
        } else if (distance >= 64) {
            l = h >>> distance - 64;
            h = 0;
        } else if (distance != 0) {
            l = h << 64 - distance | l >>> distance;
            h >>>= distance;
        }
        sign = signA;
        exponent = exponentA;
        if (signA == signB) {
            low = lowA + l;
            long carry = Long.compareUnsigned(low, l) < 0 ? 1 : 0;
            high = highA + h + carry;
            boolean overflow = Long.compareUnsigned(high, highA) < 0 || carry != 0 && high == highA && h == -1;
            if (overflow) {
                low = high << 63 | low >>> 1;
                high = high >>> 1 | Long.MIN_VALUE;
                exponent++;
            }
        } else {
            low = lowA - l;
            high = highA - h - (Long.compareUnsigned(lowA, l) < 0 ? 1 : 0);
            normalize();
        }
    }

    /** Orders magnitudes of equal exponents. */
    private int compareSignificand(WideFloat b) {
        int order = Long.compareUnsigned(high, b.high);
        return order != 0 ? order : Long.compareUnsigned(low, b.low);
    }

    /** Orders the magnitudes of two numbers that are not zero. */
    int compareMagnitude(WideFloat b) {
        return exponent != b.exponent ? Integer.compare(exponent, b.exponent) : compareSignificand(b);
    }

    /** This = this / b, by two steps of 64 quotient bits. */
    void divide(WideFloat b) {
        sign ^= b.sign;
        exponent -= b.exponent;
        if (compareSignificand(b) >= 0) {
            low = high << 63 | low >>> 1;
            high >>>= 1;
        } else {
            exponent--;
        }
        long upper = step(b);
        long lower = step(b);
        high = upper;
        low = lower;
    }

    /** One quotient word of (high:low:0) / b; leaves the remainder in high:low. */
    private long step(WideFloat b) {
        long quotient = Long.compareUnsigned(high, b.high) >= 0 ? -1 : WideMath.divide(high, low, b.high);
        // Subtract quotient * b (192 bits) from high:low:0; the estimate is at most two too large.
        long lowest = quotient * b.low;
        long carry = Math.unsignedMultiplyHigh(quotient, b.low);
        long middle = quotient * b.high + carry;
        long upper = Math.unsignedMultiplyHigh(quotient, b.high) + (Long.compareUnsigned(middle, carry) < 0 ? 1 : 0);
        long borrow = lowest != 0 ? 1 : 0;
        long restLow = -lowest;
        long restMiddle = low - middle - borrow;
        boolean borrowed = Long.compareUnsigned(low, middle) < 0 || low == middle && borrow != 0;
        long restHigh = high - upper - (borrowed ? 1 : 0);
        while (restHigh < 0) {
            quotient--;
            restLow += b.low;
            long carryLow = Long.compareUnsigned(restLow, b.low) < 0 ? 1 : 0;
            long sum = restMiddle + b.high;
            long carryMiddle = Long.compareUnsigned(sum, restMiddle) < 0 ? 1 : 0;
            restMiddle = sum + carryLow;
            carryMiddle += carryLow != 0 && restMiddle == 0 ? 1 : 0;
            restHigh += carryMiddle;
        }
        high = restMiddle;
        low = restLow;
        return quotient;
    }

    /** Upper word of this as a fraction of 2^128; the magnitude is below one. */
    long fractionHigh() {
        int shift = -1 - exponent;
        return shift >= 64 ? 0 : high >>> shift;
    }

    /** Lower word of this as a fraction of 2^128. */
    long fractionLow() {
        int shift = -1 - exponent;
        if (shift >= 128) {
            return 0;
        }
        if (shift >= 64) {
            return high >>> shift - 64;
        }
        return shift == 0 ? low : high << 64 - shift | low >>> shift;
    }

    /** Hands the value over for rounding; the lowest bit becomes sticky, as the value is not exact. */
    void toInexact(SoftFloat r) {
        r.sign = sign;
        r.exponent = exponent;
        r.high = high;
        r.low = low | 1;
    }
}
