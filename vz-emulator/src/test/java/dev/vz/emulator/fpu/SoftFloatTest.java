package dev.vz.emulator.fpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** The arithmetic by itself, on any host: against Java's own doubles, and against exact integers for 80 bits. */
class SoftFloatTest {

    private final SoftFloat r = new SoftFloat();
    private final Unpacked a = new Unpacked();
    private final Unpacked b = new Unpacked();

    private double rounded(int mode) {
        return Double.longBitsToDouble(r.roundDouble(mode, false));
    }

    private void operands(long x, long y) {
        a.setDouble(x);
        b.setDouble(y);
        Assume.that(isNumber(a) && isNumber(b));
    }

    private static boolean isNumber(Unpacked x) {
        return x.kind == Unpacked.NORMAL || x.kind == Unpacked.DENORMAL;
    }

    @Property
    void sumsRoundedToNearestAreJavas(@ForAll long x, @ForAll long y) {
        operands(x, y);
        r.add(a, b, b.sign);
        assertThat(rounded(SoftFloat.NEAREST)).isEqualTo(Double.longBitsToDouble(x) + Double.longBitsToDouble(y));
    }

    @Property
    void productsRoundedToNearestAreJavas(@ForAll long x, @ForAll long y) {
        operands(x, y);
        r.multiply(a, b);
        assertThat(rounded(SoftFloat.NEAREST)).isEqualTo(Double.longBitsToDouble(x) * Double.longBitsToDouble(y));
    }

    @Property
    void quotientsRoundedToNearestAreJavas(@ForAll long x, @ForAll long y) {
        operands(x, y);
        r.divide(a, b);
        assertThat(rounded(SoftFloat.NEAREST)).isEqualTo(Double.longBitsToDouble(x) / Double.longBitsToDouble(y));
    }

    @Property
    void squareRootsRoundedToNearestAreJavas(@ForAll long x) {
        operands(x & Long.MAX_VALUE, 1);
        r.squareRoot(a);
        assertThat(rounded(SoftFloat.NEAREST)).isEqualTo(Math.sqrt(Double.longBitsToDouble(x & Long.MAX_VALUE)));
    }

    @Property
    void singlesRoundedToNearestAreJavas(@ForAll long x) {
        operands(x, 1);
        r.set(a);
        int bits = r.roundSingle(SoftFloat.NEAREST, false);
        assertThat(Float.intBitsToFloat(bits)).isEqualTo((float) Double.longBitsToDouble(x));
    }

    @Property
    void directedRoundingEnclosesTheExactProduct(@ForAll double x, @ForAll double y) {
        operands(Double.doubleToRawLongBits(x), Double.doubleToRawLongBits(y));
        r.multiply(a, b);
        double below = rounded(SoftFloat.DOWN);
        r.multiply(a, b);
        double above = rounded(SoftFloat.UP);
        boolean exact = (r.flags & FpuState.PE) == 0;
        Assume.that(!Double.isInfinite(below) && !Double.isInfinite(above));
        BigDecimal product = new BigDecimal(x).multiply(new BigDecimal(y));
        assertThat(new BigDecimal(below)).isLessThanOrEqualTo(product);
        assertThat(new BigDecimal(above)).isGreaterThanOrEqualTo(product);
        assertThat(below == above).isEqualTo(exact);
        assertThat(exact || Math.nextUp(below) == above).isTrue();
    }

    @Property
    void quotientsOf80BitsAreTheIntegersQuotient(@ForAll long x, @ForAll long y) {
        set(a, x);
        set(b, y);
        r.divide(a, b);
        int exponent = r.exponent;
        r.roundExtended(64, SoftFloat.TRUNCATE, 0x3F);
        BigInteger[] exact = unsigned(a.significand).shiftLeft(63 - exponent)
                .divideAndRemainder(unsigned(b.significand));
        assertThat(unsigned(r.significand)).isEqualTo(exact[0]);
        assertThat(r.flags != 0).isEqualTo(exact[1].signum() != 0);
    }

    @Property
    void rootsOf80BitsAreTheIntegersRoot(@ForAll long x, @ForAll @IntRange(max = 1) int exponent) {
        set(a, x);
        a.exponent = exponent;
        r.squareRoot(a);
        r.roundExtended(64, SoftFloat.TRUNCATE, 0x3F);
        BigInteger square = unsigned(a.significand).shiftLeft(63 + exponent);
        assertThat(unsigned(r.significand)).isEqualTo(square.sqrt());
        assertThat(r.flags == 0).isEqualTo(square.sqrt().pow(2).equals(square));
    }

    private static void set(Unpacked into, long significand) {
        into.setExtended(0x3FFF, significand | Long.MIN_VALUE);
    }

    private static BigInteger unsigned(long value) {
        return new BigInteger(Long.toUnsignedString(value));
    }

    @Property
    void divisionOfTwoWordsIsTheIntegersDivision(@ForAll long high, @ForAll long low, @ForAll long divisor) {
        long normalized = divisor | Long.MIN_VALUE;
        Assume.that(Long.compareUnsigned(high, normalized) < 0);
        BigInteger dividend = unsigned(high).shiftLeft(64).add(unsigned(low));
        assertThat(unsigned(WideMath.divide(high, low, normalized))).isEqualTo(dividend.divide(unsigned(normalized)));
    }
}
