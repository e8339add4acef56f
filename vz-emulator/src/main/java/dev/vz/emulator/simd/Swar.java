package dev.vz.emulator.simd;

/**
 * Arithmetic on the elements of a 64-bit word all at once. {@code top} is the mask of the elements' highest bits and so
 * says how wide they are.
 */
final class Swar {

    /** Highest bits of eight bytes. */
    static final long BYTES = 0x8080_8080_8080_8080L;
    /** Highest bits of four words. */
    static final long WORDS = 0x8000_8000_8000_8000L;
    /** Highest bits of two doublewords. */
    static final long DOUBLEWORDS = 0x8000_0000_8000_0000L;

    private Swar() {}

    /** Sums, without carries between elements. */
    static long add(long a, long b, long top) {
        return (a & ~top) + (b & ~top) ^ (a ^ b) & top;
    }

    /** Differences, without borrows between elements. */
    static long subtract(long a, long b, long top) {
        return (a | top) - (b & ~top) ^ (a ^ ~b) & top;
    }

    /** All ones in elements whose highest bit is set in {@code bits}, which has no other bits. */
    static long spread(long bits, int width) {
        return (bits << 1) - (bits >>> width - 1);
    }

    /** All ones in elements of {@code a} that are below those of {@code b}, unsigned. */
    static long below(long a, long b, long top, int width) {
        return spread((~a & b | ~(a ^ b) & subtract(a, b, top)) & top, width);
    }

    /** All ones in elements of {@code a} that are less than those of {@code b}, signed. */
    static long less(long a, long b, long top, int width) {
        return below(a ^ top, b ^ top, top, width);
    }

    /** All ones in elements that are equal. */
    static long equal(long a, long b, long top, int width) {
        long difference = a ^ b;
        return spread(~((difference & ~top) + ~top | difference) & top, width);
    }

    /** Takes elements of {@code a} where the mask is ones, and of {@code b} elsewhere. */
    static long select(long mask, long a, long b) {
        return a & mask | b & ~mask;
    }
}
