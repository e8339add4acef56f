package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * One single-precision element: the step between the host's arithmetic, tried first by the instructions themselves, and
 * {@link Lane}. Exceptions are gathered, not raised. Ordinary operands, normal or zero, rounded to nearest, are computed by
 * the host, and whether that was exact is found out by integer arithmetic or by an error-free transformation.
 *
 * <p>
 * Intel SDM volume 1, 4.8.3.5 (operating on NaNs, table 4-7), 11.5.2.
 */
final class SingleLane {

    /** The default NaN. */
    static final int INDEFINITE = 0xFFC0_0000;

    private static final int EXPONENT = 0x7F80_0000;
    private static final int QUIET = 0x0040_0000;
    private static final int FRACTION = 0x007F_FFFF;
    private static final int UNIT = 0x0080_0000;
    private static final int ORDINARY_BITS = Mxcsr.RC | Mxcsr.PM;

    private SingleLane() {}

    /** Neither zero, denormal, infinite nor NaN. */
    static boolean isNormal(int bits) {
        return Integer.compareUnsigned((bits & EXPONENT) - UNIT, 0x7F00_0000) < 0;
    }

    /** Normal, and neither so small that it might be a rounded tiny result nor in the last binade. */
    static boolean isSafe(int bits) {
        return Integer.compareUnsigned((bits & EXPONENT) - 2 * UNIT, 0x7E00_0000) < 0;
    }

    /** Plus or minus zero. */
    static boolean isZero(int bits) {
        return bits << 1 == 0;
    }

    /** Normal or zero. */
    static boolean isOrdinary(int bits) {
        return isNormal(bits) || isZero(bits);
    }

    static boolean isNan(int bits) {
        return (bits & Integer.MAX_VALUE) > EXPONENT;
    }

    static boolean isDenormal(int bits) {
        return (bits & EXPONENT) == 0 && (bits & FRACTION) != 0;
    }

    /** Whether ordinary results are rounded by the host as MXCSR wants it. */
    private static boolean isNearest(FpuState s) {
        return (s.mxcsr & ORDINARY_BITS) == Mxcsr.PM;
    }

    static int add(FpuState s, int a, int b) {
        if (isNearest(s) && isOrdinary(a) && isOrdinary(b)) {
            float x = Float.intBitsToFloat(a);
            float y = Float.intBitsToFloat(b);
            float sum = x + y;
            int bits = Float.floatToRawIntBits(sum);
            if (isSafe(bits) || isZero(bits)) {
                // The rounding error of a sum, exactly: Knuth's two-sum.
                float part = sum - x;
                if (x - (sum - part) + (y - part) != 0) {
                    s.exceptions |= FpuState.PE;
                }
                return bits;
            }
        }
        return unpack(s, a, b) ? pack(s, Lane.add(s, 0)) : propagate(s, a, b);
    }

    static int subtract(FpuState s, int a, int b) {
        if (isNearest(s) && isOrdinary(a) && isOrdinary(b)) {
            return add(s, a, b ^ Integer.MIN_VALUE);
        }
        return unpack(s, a, b) ? pack(s, Lane.add(s, 1)) : propagate(s, a, b);
    }

    static int multiply(FpuState s, int a, int b) {
        if (isNearest(s) && isOrdinary(a) && isOrdinary(b)) {
            int bits = Float.floatToRawIntBits(Float.intBitsToFloat(a) * Float.intBitsToFloat(b));
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

    static int divide(FpuState s, int a, int b) {
        if (isNearest(s) && isOrdinary(a) && isNormal(b)) {
            int bits = Float.floatToRawIntBits(Float.intBitsToFloat(a) / Float.intBitsToFloat(b));
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

    static int squareRoot(FpuState s, int a) {
        if (isNearest(s) && a >= 0 && isNormal(a)) {
            int bits = Float.floatToRawIntBits((float) Math.sqrt(Float.intBitsToFloat(a)));
            if (!isExactRoot(a, bits)) {
                s.exceptions |= FpuState.PE;
            }
            return bits;
        }
        s.first.setSingle(a);
        Lane.applyDaz(s, s.first);
        return s.first.isUnordered() ? propagate(s, a, a) : pack(s, Lane.squareRoot(s));
    }

    private static double value(int bits) {
        return Float.intBitsToFloat(bits);
    }

    /** Products of single-precision numbers are exact in double precision. */
    private static boolean isExactProduct(int a, int b, int product) {
        return value(a) * value(b) == value(product);
    }

    private static boolean isExactQuotient(int a, int b, int quotient) {
        return value(quotient) * value(b) == value(a);
    }

    private static boolean isExactRoot(int a, int root) {
        return value(root) * value(root) == value(a);
    }

    /** Takes both operands apart; false if one is a NaN. */
    private static boolean unpack(FpuState s, int a, int b) {
        s.first.setSingle(a);
        s.second.setSingle(b);
        Lane.applyDaz(s, s.first);
        Lane.applyDaz(s, s.second);
        return !s.first.isUnordered() && !s.second.isUnordered();
    }

    /** The result of an operation with a NaN: the first NaN, made quiet. */
    static int propagate(FpuState s, int a, int b) {
        noteSignaling(s, a, b);
        return (isNan(a) ? a : b) | QUIET;
    }

    private static void noteSignaling(FpuState s, int a, int b) {
        if (isSignaling(a) || isSignaling(b)) {
            s.exceptions |= FpuState.IE;
        }
    }

    static boolean isSignaling(int bits) {
        return isNan(bits) && (bits & QUIET) == 0;
    }

    /** Rounds and packs what {@link Lane} left. */
    static int pack(FpuState s, int kind) {
        int sign = s.result.sign << 31;
        switch (kind) {
            case Lane.NUMBER -> {
                int bits = s.result.roundSingle(Mxcsr.roundingMode(s), Mxcsr.flushToZero(s));
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

    private static int applyDaz(FpuState s, int a) {
        if (isDenormal(a)) {
            if (Mxcsr.denormalsAreZeros(s)) {
                return a & Integer.MIN_VALUE;
            }
            s.exceptions |= FpuState.DE;
        }
        return a;
    }

    /** The smaller; the second operand if one is a NaN or both are zeros. */
    static int minimum(FpuState s, int a, int b) {
        if (isNan(a) || isNan(b)) {
            s.exceptions |= FpuState.IE;
            return isDenormal(b) && Mxcsr.denormalsAreZeros(s) ? b & Integer.MIN_VALUE : b;
        }
        int x = applyDaz(s, a);
        int y = applyDaz(s, b);
        return Float.intBitsToFloat(x) < Float.intBitsToFloat(y) ? x : y;
    }

    /** The larger; the second operand if one is a NaN or both are zeros. */
    static int maximum(FpuState s, int a, int b) {
        if (isNan(a) || isNan(b)) {
            s.exceptions |= FpuState.IE;
            return isDenormal(b) && Mxcsr.denormalsAreZeros(s) ? b & Integer.MIN_VALUE : b;
        }
        int x = applyDaz(s, a);
        int y = applyDaz(s, b);
        return Float.intBitsToFloat(x) > Float.intBitsToFloat(y) ? x : y;
    }

    /** Evaluates a predicate of CMPcc (SDM volume 2, CMPPD): all ones or zero. */
    static int compare(FpuState s, int a, int b, int predicate) {
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
            float x = Float.intBitsToFloat(applyDaz(s, a));
            float y = Float.intBitsToFloat(applyDaz(s, b));
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
    static int order(FpuState s, int a, int b, boolean quietIsInvalid) {
        if (isNan(a) || isNan(b)) {
            if (quietIsInvalid) {
                s.exceptions |= FpuState.IE;
            } else {
                noteSignaling(s, a, b);
            }
            return 0x45;
        }
        float x = Float.intBitsToFloat(applyDaz(s, a));
        float y = Float.intBitsToFloat(applyDaz(s, b));
        return x > y ? 0 : x < y ? 0x01 : 0x40;
    }
}
