package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Packed integer comparison, minima and maxima. Functions of two numbers work on 64 bits: an MMX register or half of an XMM
 * register.
 *
 * <p>
 * Intel SDM volume 2, PCMPEQB, PCMPGTB, PMINSB, PMAXUB and siblings, PHMINPOSUW.
 */
public final class PackedComparison {

    private PackedComparison() {}

    /** All ones where the bytes are equal. */
    public static long pcmpeqb(long a, long b) {
        return Swar.equal(a, b, Swar.BYTES, 8);
    }

    /** All ones where the signed bytes of {@code a} are greater. */
    public static long pcmpgtb(long a, long b) {
        return Swar.less(b, a, Swar.BYTES, 8);
    }

    /** All ones where the words are equal. */
    public static long pcmpeqw(long a, long b) {
        return Swar.equal(a, b, Swar.WORDS, 16);
    }

    /** All ones where the signed words of {@code a} are greater. */
    public static long pcmpgtw(long a, long b) {
        return Swar.less(b, a, Swar.WORDS, 16);
    }

    /** All ones where the doublewords are equal. */
    public static long pcmpeqd(long a, long b) {
        return Swar.equal(a, b, Swar.DOUBLEWORDS, 32);
    }

    /** All ones where the signed doublewords of {@code a} are greater. */
    public static long pcmpgtd(long a, long b) {
        return Swar.less(b, a, Swar.DOUBLEWORDS, 32);
    }

    /** All ones if the quadwords are equal. */
    public static long pcmpeqq(long a, long b) {
        return a == b ? -1 : 0;
    }

    /** All ones if {@code a} is greater. */
    public static long pcmpgtq(long a, long b) {
        return a > b ? -1 : 0;
    }

    /** The smaller signed bytes. */
    public static long pminsb(long a, long b) {
        return Swar.select(Swar.less(a, b, Swar.BYTES, 8), a, b);
    }

    /** The larger signed bytes. */
    public static long pmaxsb(long a, long b) {
        return Swar.select(Swar.less(a, b, Swar.BYTES, 8), b, a);
    }

    /** The smaller unsigned bytes. */
    public static long pminub(long a, long b) {
        return Swar.select(Swar.below(a, b, Swar.BYTES, 8), a, b);
    }

    /** The larger unsigned bytes. */
    public static long pmaxub(long a, long b) {
        return Swar.select(Swar.below(a, b, Swar.BYTES, 8), b, a);
    }

    /** The smaller signed words. */
    public static long pminsw(long a, long b) {
        return Swar.select(Swar.less(a, b, Swar.WORDS, 16), a, b);
    }

    /** The larger signed words. */
    public static long pmaxsw(long a, long b) {
        return Swar.select(Swar.less(a, b, Swar.WORDS, 16), b, a);
    }

    /** The smaller unsigned words. */
    public static long pminuw(long a, long b) {
        return Swar.select(Swar.below(a, b, Swar.WORDS, 16), a, b);
    }

    /** The larger unsigned words. */
    public static long pmaxuw(long a, long b) {
        return Swar.select(Swar.below(a, b, Swar.WORDS, 16), b, a);
    }

    /** The smaller signed doublewords. */
    public static long pminsd(long a, long b) {
        return Swar.select(Swar.less(a, b, Swar.DOUBLEWORDS, 32), a, b);
    }

    /** The larger signed doublewords. */
    public static long pmaxsd(long a, long b) {
        return Swar.select(Swar.less(a, b, Swar.DOUBLEWORDS, 32), b, a);
    }

    /** The smaller unsigned doublewords. */
    public static long pminud(long a, long b) {
        return Swar.select(Swar.below(a, b, Swar.DOUBLEWORDS, 32), a, b);
    }

    /** The larger unsigned doublewords. */
    public static long pmaxud(long a, long b) {
        return Swar.select(Swar.below(a, b, Swar.DOUBLEWORDS, 32), b, a);
    }

    /** The smallest unsigned word of the source and, in the next word, its position; the rest is zero. */
    public static void phminposuw(FpuState s, int d, long lo, long hi) {
        long smallest = lo & 0xFFFF;
        long position = 0;
        for (int i = 1; i < 8; i++) {
            long word = (i < 4 ? lo : hi) >>> 16 * (i & 3) & 0xFFFF;
            if (word < smallest) {
                smallest = word;
                position = i;
            }
        }
        s.xmm[2 * d] = position << 16 | smallest;
        s.xmm[2 * d + 1] = 0;
    }
}
