package dev.vz.emulator.simd;

/**
 * Packed integer addition and subtraction, wrapping and saturating, averages, absolute values and signs. All functions work
 * on 64 bits: an MMX register or half of an XMM register.
 *
 * <p>
 * Intel SDM volume 2, PADDB/PADDW/PADDD/PADDQ, PADDSB, PADDUSB, PSUBB, PSUBSB, PSUBUSB, PAVGB, PABSB, PSIGNB and siblings.
 */
public final class PackedAddition {

    private PackedAddition() {}

    /** Sums of bytes. */
    public static long paddb(long a, long b) {
        return Swar.add(a, b, Swar.BYTES);
    }

    /** Differences of bytes. */
    public static long psubb(long a, long b) {
        return Swar.subtract(a, b, Swar.BYTES);
    }

    /** Sums of words. */
    public static long paddw(long a, long b) {
        return Swar.add(a, b, Swar.WORDS);
    }

    /** Differences of words. */
    public static long psubw(long a, long b) {
        return Swar.subtract(a, b, Swar.WORDS);
    }

    /** Sums of doublewords. */
    public static long paddd(long a, long b) {
        return Swar.add(a, b, Swar.DOUBLEWORDS);
    }

    /** Differences of doublewords. */
    public static long psubd(long a, long b) {
        return Swar.subtract(a, b, Swar.DOUBLEWORDS);
    }

    /** Sum of the quadwords. */
    public static long paddq(long a, long b) {
        return a + b;
    }

    /** Difference of the quadwords. */
    public static long psubq(long a, long b) {
        return a - b;
    }

    /** Sums of signed bytes, saturated. */
    public static long paddsb(long a, long b) {
        long sum = Swar.add(a, b, Swar.BYTES);
        return saturate(sum, (a ^ sum) & (b ^ sum), a, Swar.BYTES, 8);
    }

    /** Differences of signed bytes, saturated. */
    public static long psubsb(long a, long b) {
        long difference = Swar.subtract(a, b, Swar.BYTES);
        return saturate(difference, (a ^ b) & (a ^ difference), a, Swar.BYTES, 8);
    }

    /** Sums of unsigned bytes, saturated. */
    public static long paddusb(long a, long b) {
        long sum = Swar.add(a, b, Swar.BYTES);
        return sum | Swar.spread((a & b | (a | b) & ~sum) & Swar.BYTES, 8);
    }

    /** Differences of unsigned bytes, saturated. */
    public static long psubusb(long a, long b) {
        return Swar.subtract(a, b, Swar.BYTES) & ~Swar.below(a, b, Swar.BYTES, 8);
    }

    /** Averages of unsigned bytes, rounded up. */
    public static long pavgb(long a, long b) {
        return (a | b) - ((a ^ b) >>> 1 & ~Swar.BYTES);
    }

    /** Sums of signed words, saturated. */
    public static long paddsw(long a, long b) {
        long sum = Swar.add(a, b, Swar.WORDS);
        return saturate(sum, (a ^ sum) & (b ^ sum), a, Swar.WORDS, 16);
    }

    /** Differences of signed words, saturated. */
    public static long psubsw(long a, long b) {
        long difference = Swar.subtract(a, b, Swar.WORDS);
        return saturate(difference, (a ^ b) & (a ^ difference), a, Swar.WORDS, 16);
    }

    /** Sums of unsigned words, saturated. */
    public static long paddusw(long a, long b) {
        long sum = Swar.add(a, b, Swar.WORDS);
        return sum | Swar.spread((a & b | (a | b) & ~sum) & Swar.WORDS, 16);
    }

    /** Differences of unsigned words, saturated. */
    public static long psubusw(long a, long b) {
        return Swar.subtract(a, b, Swar.WORDS) & ~Swar.below(a, b, Swar.WORDS, 16);
    }

    /** Averages of unsigned words, rounded up. */
    public static long pavgw(long a, long b) {
        return (a | b) - ((a ^ b) >>> 1 & ~Swar.WORDS);
    }

    /** Puts the limit on a's side of zero where the sign bits of {@code overflow} are set. */
    private static long saturate(long wrapped, long overflow, long a, long top, int width) {
        long limit = ~top + (a >>> width - 1 & top >>> width - 1);
        return Swar.select(Swar.spread(overflow & top, width), limit, wrapped);
    }

    /** Absolute values of {@code b}'s signed bytes; the first operand does not matter. */
    public static long pabsb(long a, long b) {
        long negative = Swar.spread(b & Swar.BYTES, 8);
        return Swar.subtract(b ^ negative, negative, Swar.BYTES);
    }

    /** The bytes of {@code a}, negated, kept or zeroed as those of {@code b} are negative, positive or zero. */
    public static long psignb(long a, long b) {
        long negative = Swar.spread(b & Swar.BYTES, 8);
        return Swar.subtract(a ^ negative, negative, Swar.BYTES) & ~Swar.equal(b, 0, Swar.BYTES, 8);
    }

    /** Absolute values of {@code b}'s signed words; the first operand does not matter. */
    public static long pabsw(long a, long b) {
        long negative = Swar.spread(b & Swar.WORDS, 16);
        return Swar.subtract(b ^ negative, negative, Swar.WORDS);
    }

    /** The words of {@code a}, negated, kept or zeroed as those of {@code b} are negative, positive or zero. */
    public static long psignw(long a, long b) {
        long negative = Swar.spread(b & Swar.WORDS, 16);
        return Swar.subtract(a ^ negative, negative, Swar.WORDS) & ~Swar.equal(b, 0, Swar.WORDS, 16);
    }

    /** Absolute values of {@code b}'s signed doublewords; the first operand does not matter. */
    public static long pabsd(long a, long b) {
        long negative = Swar.spread(b & Swar.DOUBLEWORDS, 32);
        return Swar.subtract(b ^ negative, negative, Swar.DOUBLEWORDS);
    }

    /** The doublewords of {@code a}, negated, kept or zeroed as those of {@code b} are negative, positive or zero. */
    public static long psignd(long a, long b) {
        long negative = Swar.spread(b & Swar.DOUBLEWORDS, 32);
        return Swar.subtract(a ^ negative, negative, Swar.DOUBLEWORDS) & ~Swar.equal(b, 0, Swar.DOUBLEWORDS, 32);
    }
}
