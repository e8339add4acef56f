package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * One double-precision element: the step between the host's arithmetic, tried first by the instructions themselves, and
 * {@link Lane}. Exceptions are gathered, not raised. Ordinary operands, normal or zero, rounded to nearest, are computed by
 * the host, and whether that was exact is found out by integer arithmetic or by an error-free transformation.
 *
 * <p>
 * Intel SDM volume 1, 4.8.3.5 (operating on NaNs, table 4-7), 11.5.2.
 */
final class DoubleLane {

    /** The default NaN. */
    static final long INDEFINITE = 0xFFF8_0000_0000_0000L;

    private static final long EXPONENT = 0x7FF0_0000_0000_0000L;
    private static final long QUIET = 0x0008_0000_0000_0000L;
    private static final long FRACTION = 0x000F_FFFF_FFFF_FFFFL;
    private static final long UNIT = 0x0010_0000_0000_0000L;
    private static final int ORDINARY_BITS = Mxcsr.RC | Mxcsr.PM;

    private DoubleLane() {}

    /** Neither zero, denormal, infinite nor NaN. */
    static boolean isNormal(long bits) {
        return Long.compareUnsigned((bits & EXPONENT) - UNIT, 0x7FE0_0000_0000_0000L) < 0;
    }

    /** Normal, and neither so small that it might be a rounded tiny result nor in the last binade. */
    static boolean isSafe(long bits) {
        return Long.compareUnsigned((bits & EXPONENT) - 2 * UNIT, 0x7FC0_0000_0000_0000L) < 0;
    }

    /** Plus or minus zero. */
    static boolean isZero(long bits) {
        return bits << 1 == 0;
    }

    /** Normal or zero. */
    static boolean isOrdinary(long bits) {
        return isNormal(bits) || isZero(bits);
    }

    static boolean isNan(long bits) {
        return (bits & Long.MAX_VALUE) > EXPONENT;
    }

    static boolean isDenormal(long bits) {
        return (bits & EXPONENT) == 0 && (bits & FRACTION) != 0;
    }

    /** Whether ordinary results are rounded by the host as MXCSR wants it. */
    private static boolean isNearest(FpuState s) {
        return (s.mxcsr & ORDINARY_BITS) == Mxcsr.PM;
    }

    static long add(FpuState s, long a, long b) {
        if (isNearest(s) && isOrdinary(a) && isOrdinary(b)) {
            double x = Double.longBitsToDouble(a);
            double y = Double.longBitsToDouble(b);
            double sum = x + y;
            long bits = Double.doubleToRawLongBits(sum);
            if (isSafe(bits) || isZero(bits)) {
                // The rounding error of a sum, exactly: Knuth's two-sum.
                double part = sum - x;
                if (x - (sum - part) + (y - part) != 0) {
                    s.exceptions |= FpuState.PE;
                }
                return bits;
            }
        }
        return unpack(s, a, b) ? pack(s, Lane.add(s, 0)) : propagate(s, a, b);
    }

    static long subtract(FpuState s, long a, long b) {
        if (isNearest(s) && isOrdinary(a) && isOrdinary(b)) {
            return add(s, a, b ^ Long.MIN_VALUE);
        }
        return unpack(s, a, b) ? pack(s, Lane.add(s, 1)) : propagate(s, a, b);
    }

    static long multiply(FpuState s, long a, long b) {
        if (isNearest(s) && isOrdinary(a) && isOrdinary(b)) {
            long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) * Double.longBitsToDouble(b));
            if (isZero(a) || isZero(b)) {
                return bits;
            }
            if (isSafe(bits)) {
                if (!isExactProduct(a, b, bits)) {
                    s.exceptions |= FpuState.PE;
                }
                return bits;
            }
        }
        return unpack(s, a, b) ? pack(s, Lane.multiply(s)) : propagate(s, a, b);
    }

    static long divide(FpuState s, long a, long b) {
        if (isNearest(s) && isOrdinary(a) && isNormal(b)) {
            long bits = Double.doubleToRawLongBits(Double.longBitsToDouble(a) / Double.longBitsToDouble(b));
            if (isZero(a)) {
                return bits;
            }
            if (isSafe(bits)) {
                if (!isExactQuotient(a, b, bits)) {
                    s.exceptions |= FpuState.PE;
                }
                return bits;
            }
        }
        return unpack(s, a, b) ? pack(s, Lane.divide(s)) : propagate(s, a, b);
    }

    static long squareRoot(FpuState s, long a) {
        if (isNearest(s) && a >= 0 && isNormal(a)) {
            long bits = Double.doubleToRawLongBits(Math.sqrt(Double.longBitsToDouble(a)));
            if (!isExactRoot(a, bits)) {
                s.exceptions |= FpuState.PE;
            }
            return bits;
        }
        s.first.setDouble(a);
        Lane.applyDaz(s, s.first);
        return s.first.isUnordered() ? propagate(s, a, a) : pack(s, Lane.squareRoot(s));
    }

    private static long significand(long bits) {
        return bits & FRACTION | UNIT;
    }

    private static int exponent(long bits) {
        return (int) (bits >>> 52) & 0x7FF;
    }

    /** The discarded low bits of the integer product tell; they fit 64 bits as at most 53 of 106 are discarded. */
    private static boolean isExactProduct(long a, long b, long product) {
        int discarded = 52 + exponent(product) - exponent(a) - exponent(b) + 1023;
        return (significand(a) * significand(b) & (1L << discarded) - 1) == 0;
    }

    /** Quotient times divisor differs from the dividend by less than 2^53, so comparing modulo 2^64 is enough. */
    private static boolean isExactQuotient(long a, long b, long quotient) {
        int shift = 52 + exponent(a) - exponent(b) - exponent(quotient) + 1023;
        return significand(quotient) * significand(b) == significand(a) << shift;
    }

    /** As for quotients. */
    private static boolean isExactRoot(long a, long root) {
        int shift = 52 + exponent(a) - 2 * exponent(root) + 1023;
        return significand(root) * significand(root) == significand(a) << shift;
    }

    /** Takes both operands apart; false if one is a NaN. */
    private static boolean unpack(FpuState s, long a, long b) {
        s.first.setDouble(a);
        s.second.setDouble(b);
        Lane.applyDaz(s, s.first);
        Lane.applyDaz(s, s.second);
        return !s.first.isUnordered() && !s.second.isUnordered();
    }

    /** The result of an operation with a NaN: the first NaN, made quiet. */
    static long propagate(FpuState s, long a, long b) {
        noteSignaling(s, a, b);
        return (isNan(a) ? a : b) | QUIET;
    }

    private static void noteSignaling(FpuState s, long a, long b) {
        if (isSignaling(a) || isSignaling(b)) {
            s.exceptions |= FpuState.IE;
        }
    }

    static boolean isSignaling(long bits) {
        return isNan(bits) && (bits & QUIET) == 0;
    }

    /** Rounds and packs what {@link Lane} left. */
    static long pack(FpuState s, int kind) {
        long sign = (long) s.result.sign << 63;
        switch (kind) {
            case Lane.NUMBER -> {
                long bits = s.result.roundDouble(Mxcsr.roundingMode(s), Mxcsr.flushToZero(s));
                Lane.noteRounding(s);
                return bits;
            }
            case Lane.ZERO -> {
                return sign;
            }
            case Lane.INFINITY -> {
                return sign | EXPONENT;
            }
            default -> {
                return INDEFINITE;
            }
        }
    }

    private static long applyDaz(FpuState s, long a) {
        if (isDenormal(a)) {
            if (Mxcsr.denormalsAreZeros(s)) {
                return a & Long.MIN_VALUE;
            }
            s.exceptions |= FpuState.DE;
        }
        return a;
    }

    /** The smaller; the second operand if one is a NaN or both are zeros. */
    static long minimum(FpuState s, long a, long b) {
        if (isNan(a) || isNan(b)) {
            s.exceptions |= FpuState.IE;
            return isDenormal(b) && Mxcsr.denormalsAreZeros(s) ? b & Long.MIN_VALUE : b;
        }
        long x = applyDaz(s, a);
        long y = applyDaz(s, b);
        return Double.longBitsToDouble(x) < Double.longBitsToDouble(y) ? x : y;
    }

    /** The larger; the second operand if one is a NaN or both are zeros. */
    static long maximum(FpuState s, long a, long b) {
        if (isNan(a) || isNan(b)) {
            s.exceptions |= FpuState.IE;
            return isDenormal(b) && Mxcsr.denormalsAreZeros(s) ? b & Long.MIN_VALUE : b;
        }
        long x = applyDaz(s, a);
        long y = applyDaz(s, b);
        return Double.longBitsToDouble(x) > Double.longBitsToDouble(y) ? x : y;
    }

    /** Evaluates a predicate of CMPcc (SDM volume 2, CMPPD): all ones or zero. */
    static long compare(FpuState s, long a, long b, int predicate) {
        int test = predicate & 3;
        boolean holds;
        if (isNan(a) || isNan(b)) {
            // Less and less-or-equal signal for a quiet NaN, too.
            if (test == 1 || test == 2) {
                s.exceptions |= FpuState.IE;
            } else {
                noteSignaling(s, a, b);
            }
            holds = test == 3;
        } else {
            double x = Double.longBitsToDouble(applyDaz(s, a));
            double y = Double.longBitsToDouble(applyDaz(s, b));
            holds = switch (test) {
                case 0 -> x == y;
                case 1 -> x < y;
                case 2 -> x <= y;
                default -> false;
            };
        }
        return holds != ((predicate & 4) != 0) ? -1 : 0;
    }

    /** Orders two numbers: ZF, PF and CF as COMISD and UCOMISD set them. */
    static int order(FpuState s, long a, long b, boolean quietIsInvalid) {
        if (isNan(a) || isNan(b)) {
            if (quietIsInvalid) {
                s.exceptions |= FpuState.IE;
            } else {
                noteSignaling(s, a, b);
            }
            return 0x45;
        }
        double x = Double.longBitsToDouble(applyDaz(s, a));
        double y = Double.longBitsToDouble(applyDaz(s, b));
        return x > y ? 0 : x < y ? 0x01 : 0x40;
    }
}
