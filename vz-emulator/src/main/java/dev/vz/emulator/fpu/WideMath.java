package dev.vz.emulator.fpu;

/** Unsigned arithmetic on pairs of 64-bit words. */
final class WideMath {

    private static final long WORD = 0xFFFF_FFFFL;

    private WideMath() {}

    /**
     * Quotient of a 128-bit dividend and a normalized 64-bit divisor, in two steps of 32 bits (schoolbook division).
     *
     * @param high upper half of the dividend, less than the divisor
     * @param low lower half of the dividend
     * @param divisor bit 63 set
     */
    static long divide(long high, long low, long divisor) {
        long upper = digit(high, low >>> 32, divisor);
        long rest = (high << 32 | low >>> 32) - upper * divisor;
        long lower = digit(rest, low & WORD, divisor);
        return upper << 32 | lower;
    }

    private static long digit(long high, long next, long divisor) {
        long divisorHigh = divisor >>> 32;
        long divisorLow = divisor & WORD;
        long quotient = Long.divideUnsigned(high, divisorHigh);
        long rest = high - quotient * divisorHigh;
        while (quotient > WORD || Long.compareUnsigned(quotient * divisorLow, rest << 32 | next) > 0) {
            quotient--;
            rest += divisorHigh;
            if (rest > WORD) {
                break;
            }
        }
        return quotient;
    }
}
