package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM. The control selects, in bits 1 and 0, unsigned or signed bytes or words; in
 * bits 3 and 2 how strings are compared; in bits 5 and 4 whether the outcome is negated; in bit 6 which index or form of mask
 * is delivered.
 *
 * <p>
 * Intel SDM volume 1, 12.10 ; volume 2, 4.1 (imm8 control byte operation) and each instruction.
 */
public final class StringComparison {

    private static final int CF = 0x001;
    private static final int ZF = 0x040;
    private static final int SF = 0x080;
    private static final int OF = 0x800;

    private static final int EQUAL_ANY = 0;
    private static final int RANGES = 1;
    private static final int EQUAL_EACH = 2;

    private static final int WORDS = 1;
    private static final int SIGNED = 2;
    private static final int NEGATE = 0x10;
    private static final int ONLY_VALID = 0x20;
    private static final int LAST = 0x40;
    private static final int EXPAND = 0x40;

    private StringComparison() {}

    /**
     * PCMPESTRI: compares with lengths given.
     *
     * @param d register of the first string
     * @param lo low half of the second string
     * @param hi high half of the second string
     * @param lengthA EAX or RAX, sign-extended
     * @param lengthB EDX or RDX, sign-extended
     * @return ECX in the upper 32 bits, the arithmetic flags in the lower
     */
    public static long pcmpestri(FpuState s, int d, long lo, long hi, int control, long lengthA, long lengthB) {
        int elements = elements(control);
        return index(s, d, lo, hi, control, limit(lengthA, elements), limit(lengthB, elements));
    }

    /** PCMPISTRI: compares up to the first zero element; the result is that of {@link #pcmpestri}. */
    public static long pcmpistri(FpuState s, int d, long lo, long hi, int control) {
        return index(s, d, lo, hi, control, length(s.xmm[2 * d], s.xmm[2 * d + 1], control), length(lo, hi, control));
    }

    /** PCMPESTRM: like {@link #pcmpestri}, but sets XMM0 to the mask, and returns the arithmetic flags. */
    public static int pcmpestrm(FpuState s, int d, long lo, long hi, int control, long lengthA, long lengthB) {
        int elements = elements(control);
        return mask(s, d, lo, hi, control, limit(lengthA, elements), limit(lengthB, elements));
    }

    /** PCMPISTRM: like {@link #pcmpistri}, but sets XMM0 to the mask, and returns the arithmetic flags. */
    public static int pcmpistrm(FpuState s, int d, long lo, long hi, int control) {
        return mask(s, d, lo, hi, control, length(s.xmm[2 * d], s.xmm[2 * d + 1], control), length(lo, hi, control));
    }

    private static int elements(int control) {
        return (control & WORDS) != 0 ? 8 : 16;
    }

    private static int limit(long length, int elements) {
        return length == Long.MIN_VALUE ? elements : (int) Math.min(Math.abs(length), elements);
    }

    /** Elements before the first that is zero. */
    private static int length(long lo, long hi, int control) {
        if ((control & WORDS) != 0) {
            long low = Swar.equal(lo, 0, Swar.WORDS, 16);
            long high = Swar.equal(hi, 0, Swar.WORDS, 16);
            return low != 0 ? Long.numberOfTrailingZeros(low) >> 4 : 4 + (Long.numberOfTrailingZeros(high) >> 4);
        }
        long low = Swar.equal(lo, 0, Swar.BYTES, 8);
        long high = Swar.equal(hi, 0, Swar.BYTES, 8);
        return low != 0 ? Long.numberOfTrailingZeros(low) >> 3 : 8 + (Long.numberOfTrailingZeros(high) >> 3);
    }

    private static long index(FpuState s, int d, long lo, long hi, int control, int lengthA, int lengthB) {
        int bits = compare(s.xmm[2 * d], s.xmm[2 * d + 1], lo, hi, control, lengthA, lengthB);
        int elements = elements(control);
        long index = elements;
        if (bits != 0) {
            index = (control & LAST) != 0
                    ? 31 - Integer.numberOfLeadingZeros(bits)
                    : Integer.numberOfTrailingZeros(bits);
        }
        return index << 32 | flags(bits, elements, lengthA, lengthB);
    }

    private static int mask(FpuState s, int d, long lo, long hi, int control, int lengthA, int lengthB) {
        int bits = compare(s.xmm[2 * d], s.xmm[2 * d + 1], lo, hi, control, lengthA, lengthB);
        int elements = elements(control);
        if ((control & EXPAND) == 0) {
            s.xmm[0] = bits;
            s.xmm[1] = 0;
        } else {
            int half = elements >>> 1;
            s.xmm[0] = expand(bits, half);
            s.xmm[1] = expand(bits >>> half, half);
        }
        return flags(bits, elements, lengthA, lengthB);
    }

    /** Makes each of the low bits a whole element of 64 bits' worth of elements. */
    private static long expand(int bits, int elements) {
        int width = 64 / elements;
        long result = 0;
        for (int i = 0; i < elements; i++) {
            result |= (-(bits >>> i & 1L) & (1L << width) - 1) << i * width;
        }
        return result;
    }

    private static int flags(int bits, int elements, int lengthA, int lengthB) {
        return (bits != 0 ? CF : 0) | (lengthB < elements ? ZF : 0) | (lengthA < elements ? SF : 0)
                | ((bits & 1) != 0 ? OF : 0);
    }

    private static int element(long lo, long hi, int i, int control) {
        if ((control & WORDS) != 0) {
            long word = (i < 4 ? lo : hi) >>> 16 * (i & 3);
            return (control & SIGNED) != 0 ? (short) word : (int) word & 0xFFFF;
        }
        long single = (i < 8 ? lo : hi) >>> 8 * (i & 7);
        return (control & SIGNED) != 0 ? (byte) single : (int) single & 0xFF;
    }

    /** One bit per element of the second string. */
    private static int compare(long aLow, long aHigh, long bLow, long bHigh, int control, int lengthA, int lengthB) {
        int elements = elements(control);
        int all = (1 << elements) - 1;
        int bits = switch (control >>> 2 & 3) {
            case EQUAL_ANY -> equalAny(aLow, aHigh, bLow, bHigh, control, lengthA, lengthB);
            case RANGES -> ranges(aLow, aHigh, bLow, bHigh, control, lengthA, lengthB);
            case EQUAL_EACH -> equalEach(aLow, aHigh, bLow, bHigh, control, lengthA, lengthB);
            default -> equalOrdered(aLow, aHigh, bLow, bHigh, control, lengthA, lengthB);
        };
        if ((control & NEGATE) != 0) {
            bits ^= (control & ONLY_VALID) != 0 ? (1 << lengthB) - 1 : all;
        }
        return bits;
    }

    /** Set where the second string's element occurs in the first. */
    private static int equalAny(long aLow, long aHigh, long bLow, long bHigh, int control, int lengthA, int lengthB) {
        int bits = 0;
        for (int j = 0; j < lengthB; j++) {
            int b = element(bLow, bHigh, j, control);
            for (int i = 0; i < lengthA; i++) {
                if (element(aLow, aHigh, i, control) == b) {
                    bits |= 1 << j;
                }
            }
        }
        return bits;
    }

    /** Set where the second string's element lies in a range; the first string holds lower and upper bounds in turn. */
    private static int ranges(long aLow, long aHigh, long bLow, long bHigh, int control, int lengthA, int lengthB) {
        int bits = 0;
        for (int j = 0; j < lengthB; j++) {
            int b = element(bLow, bHigh, j, control);
            for (int i = 0; i + 1 < lengthA; i += 2) {
                if (element(aLow, aHigh, i, control) <= b && b <= element(aLow, aHigh, i + 1, control)) {
                    bits |= 1 << j;
                }
            }
        }
        return bits;
    }

    /** Set where both strings have the same element, or both have ended. */
    private static int equalEach(long aLow, long aHigh, long bLow, long bHigh, int control, int lengthA, int lengthB) {
        int elements = elements(control);
        int bits = 0;
        for (int i = 0; i < elements; i++) {
            boolean endedA = i >= lengthA;
            boolean endedB = i >= lengthB;
            boolean equal = endedA || endedB
                    ? endedA == endedB
                    : element(aLow, aHigh, i, control) == element(bLow, bHigh, i, control);
            bits |= equal ? 1 << i : 0;
        }
        return bits;
    }

    /** Set where the first string starts within the second, as far as the register shows. */
    private static int equalOrdered(long aLow, long aHigh, long bLow, long bHigh, int control, int lengthA,
            int lengthB) {
        int elements = elements(control);
        int bits = 0;
        for (int j = 0; j < elements; j++) {
            boolean found = true;
            for (int i = 0; i < lengthA && i + j < elements && found; i++) {
                found = i + j < lengthB
                        && element(aLow, aHigh, i, control) == element(bLow, bHigh, i + j, control);
            }
            bits |= found ? 1 << j : 0;
        }
        return bits;
    }
}
