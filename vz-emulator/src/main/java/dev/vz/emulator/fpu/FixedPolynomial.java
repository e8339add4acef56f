package dev.vz.emulator.fpu;

/** Evaluates polynomials with coefficients and argument in [0, 1), all held as 128-bit fractions. */
final class FixedPolynomial {

    private FixedPolynomial() {}

    /**
     * Horner's rule: {@code into} is multiplied by {@code c0 + c1 u + c2 u^2 + …}, where each later term is taken with
     * alternating sign if asked for. The sum must stay in [1/4, 1).
     *
     * @param coefficients pairs of high and low word, c0 first
     * @param alternate whether the signs alternate; then the sum is kept strictly below c0
     */
    static void multiply(WideFloat into, long[] coefficients, long argumentHigh, long argumentLow, boolean alternate) {
        int last = coefficients.length - 2;
        long high = coefficients[last];
        long low = coefficients[last + 1];
        for (int i = last - 2; i >= 0; i -= 2) {
            long middle = high * argumentHigh;
            long cross = Math.unsignedMultiplyHigh(high, argumentLow);
            long sum = middle + cross;
            long top = Math.unsignedMultiplyHigh(high, argumentHigh) + (Long.compareUnsigned(sum, cross) < 0 ? 1 : 0);
            cross = Math.unsignedMultiplyHigh(low, argumentHigh);
            long bottom = sum + cross;
            top += Long.compareUnsigned(bottom, cross) < 0 ? 1 : 0;
            long baseHigh = coefficients[i];
            long baseLow = coefficients[i + 1];
            if (alternate) {
                bottom |= 1;
                low = baseLow - bottom;
                high = baseHigh - top - (Long.compareUnsigned(baseLow, bottom) < 0 ? 1 : 0);
            } else {
                low = baseLow + bottom;
                high = baseHigh + top + (Long.compareUnsigned(low, bottom) < 0 ? 1 : 0);
            }
        }
        into.multiplyFraction(high, low);
    }
}
