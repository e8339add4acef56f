package dev.vz.emulator.fpu;

/**
 * A floating-point operand taken apart: class, sign, exponent and a normalized 64-bit significand. A number's value is
 * {@code (-1)^sign * significand / 2^63 * 2^exponent}; a NaN keeps its payload in {@link #significand}, laid out as in the
 * 80-bit format. Instances are scratch space and are overwritten by the next operation.
 *
 * <p>
 * Intel SDM volume 1, 4.2.2 and 4.8 (formats and encodings), 8.2.2 (unsupported 80-bit encodings).
 */
public final class Unpacked {

    /** Plus or minus zero. */
    public static final int ZERO = 0;
    /** A normalized number. */
    public static final int NORMAL = 1;
    /** A denormal, or a pseudo-denormal of the 80-bit format. */
    public static final int DENORMAL = 2;
    /** Plus or minus infinity. */
    public static final int INFINITY = 3;
    /** A quiet NaN. Classes from here on are not ordered. */
    public static final int QUIET_NAN = 4;
    /** A signaling NaN. Classes from here on are invalid operands of arithmetic. */
    public static final int SIGNALING_NAN = 5;
    /** An 80-bit encoding without meaning: pseudo-NaN, pseudo-infinity, unnormal. */
    public static final int UNSUPPORTED = 6;

    /** The bit of an 80-bit significand that makes a NaN quiet. */
    static final long QUIET = 0x4000_0000_0000_0000L;

    /** One of the constants above. */
    public int kind;
    /** 1 when negative. */
    public int sign;
    /** Unbiased exponent; meaningful for {@link #NORMAL} and {@link #DENORMAL}. */
    public int exponent;
    /** Normalized significand, bit 63 set; or the payload of a NaN. */
    public long significand;

    /** Makes a scratch operand, a zero. */
    public Unpacked() {}

    /** Takes apart an 80-bit operand. */
    public void setExtended(int signExponent, long bits) {
        sign = signExponent >>> 15 & 1;
        significand = bits;
        int biased = signExponent & 0x7FFF;
        exponent = biased - 16383;
        if (biased == 0) {
            if (bits == 0) {
                kind = ZERO;
            } else {
                int shift = Long.numberOfLeadingZeros(bits);
                kind = DENORMAL;
                significand = bits << shift;
                exponent = -16382 - shift;
            }
        } else if (bits >= 0) {
            kind = UNSUPPORTED;
        } else if (biased != 0x7FFF) {
            kind = NORMAL;
        } else if (bits << 1 == 0) {
            kind = INFINITY;
        } else {
            kind = (bits & QUIET) != 0 ? QUIET_NAN : SIGNALING_NAN;
        }
    }

    /** Takes apart a double-precision operand. */
    public void setDouble(long bits) {
        setBinary((int) (bits >>> 63), (int) (bits >>> 52) & 0x7FF, 0x7FF, bits << 11 & Long.MAX_VALUE);
    }

    /** Takes apart a single-precision operand. */
    public void setSingle(int bits) {
        setBinary(bits >>> 31, bits >>> 23 & 0xFF, 0xFF, (long) bits << 40 & Long.MAX_VALUE);
    }

    private void setBinary(int signBit, int biased, int maximum, long fraction) {
        sign = signBit;
        significand = fraction | Long.MIN_VALUE;
        exponent = biased - (maximum >>> 1);
        if (biased == 0) {
            if (fraction == 0) {
                kind = ZERO;
                significand = 0;
            } else {
                int shift = Long.numberOfLeadingZeros(fraction);
                kind = DENORMAL;
                significand = fraction << shift;
                exponent += 1 - shift;
            }
        } else if (biased != maximum) {
            kind = NORMAL;
        } else if (fraction == 0) {
            kind = INFINITY;
        } else {
            kind = (fraction & QUIET) != 0 ? QUIET_NAN : SIGNALING_NAN;
        }
    }

    /** Takes apart a signed integer. */
    public void setInteger(long value) {
        if (value == 0) {
            kind = ZERO;
            sign = 0;
            significand = 0;
            exponent = -16383;
            return;
        }
        long magnitude = Math.abs(value);
        int shift = Long.numberOfLeadingZeros(magnitude);
        kind = NORMAL;
        sign = value < 0 ? 1 : 0;
        exponent = 63 - shift;
        significand = magnitude << shift;
    }

    /** Whether this is a quiet or signaling NaN, or an unsupported encoding. */
    public boolean isUnordered() {
        return kind >= QUIET_NAN;
    }

    /** Sign and exponent of this operand in the 80-bit format. */
    int signExponent() {
        return sign << 15 | switch (kind) {
            case ZERO -> 0;
            case NORMAL, DENORMAL -> exponent + 16383;
            default -> 0x7FFF;
        };
    }
}
