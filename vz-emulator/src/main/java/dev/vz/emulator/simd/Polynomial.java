package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * Arithmetic on polynomials over two elements: the carry-less product and the CRC of the Castagnoli polynomial; and the
 * population count, which shares their prefix.
 *
 * <p>
 * Intel SDM volume 2, PCLMULQDQ, CRC32, POPCNT.
 */
public final class Polynomial {

    /** 0x11EDC6F41, reflected. */
    private static final int CASTAGNOLI = 0x82F6_3B78;
    /** For each position of a byte in a quadword, its first byte last, the remainders of all bytes: eight tables. */
    private static final int[] REMAINDERS = new int[8 * 256];
    private static final int ZF = 0x40;

    /** Every fourth bit: products of numbers with holes this wide do not carry into the bits that are kept. */
    private static final long EVERY_FOURTH = 0x1111_1111_1111_1111L;

    static {
        for (int i = 0; i < 256; i++) {
            int remainder = i;
            for (int bit = 0; bit < 8; bit++) {
                remainder = remainder >>> 1 ^ -(remainder & 1) & CASTAGNOLI;
            }
            REMAINDERS[i] = remainder;
        }
        for (int i = 256; i < REMAINDERS.length; i++) {
            int shorter = REMAINDERS[i - 256];
            REMAINDERS[i] = shorter >>> 8 ^ REMAINDERS[shorter & 0xFF];
        }
    }

    private Polynomial() {}

    /**
     * The product without carries of one quadword of each operand: bit 0 of the control selects the destination's high one,
     * bit 4 the source's.
     */
    public static void pclmulqdq(FpuState s, int d, long lo, long hi, int control) {
        long a = s.xmm[2 * d + (control & 1)];
        long b = (control & 0x10) == 0 ? lo : hi;
        s.xmm[2 * d] = lowProduct(a, b);
        // The high half is the low half of the mirrored operands, mirrored, less the bit that both have.
        s.xmm[2 * d + 1] = Long.reverse(lowProduct(Long.reverse(a), Long.reverse(b))) >>> 1;
    }

    /**
     * The low 64 bits of a product without carries. Operands are split into four with three zeros between any two bits, so
     * that ordinary products add at most sixteen ones per position and the sums' parity, in the lowest bit of four, is right:
     * only the topmost position could reach sixteen, and its carry leaves the word.
     */
    private static long lowProduct(long a, long b) {
        long a0 = a & EVERY_FOURTH;
        long a1 = a & EVERY_FOURTH << 1;
        long a2 = a & EVERY_FOURTH << 2;
        long a3 = a & EVERY_FOURTH << 3;
        long b0 = b & EVERY_FOURTH;
        long b1 = b & EVERY_FOURTH << 1;
        long b2 = b & EVERY_FOURTH << 2;
        long b3 = b & EVERY_FOURTH << 3;
        return (a0 * b0 ^ a1 * b3 ^ a2 * b2 ^ a3 * b1) & EVERY_FOURTH
                | (a0 * b1 ^ a1 * b0 ^ a2 * b3 ^ a3 * b2) & EVERY_FOURTH << 1
                | (a0 * b2 ^ a1 * b1 ^ a2 * b0 ^ a3 * b3) & EVERY_FOURTH << 2
                | (a0 * b3 ^ a1 * b2 ^ a2 * b1 ^ a3 * b0) & EVERY_FOURTH << 3;
    }

    /** CRC32 with a byte. */
    public static int crc32b(int crc, int value) {
        return crc >>> 8 ^ REMAINDERS[(crc ^ value) & 0xFF];
    }

    /** CRC32 with a word. */
    public static int crc32w(int crc, int value) {
        return crc32b(crc32b(crc, value), value >>> 8);
    }

    /** CRC32 with a doubleword. */
    public static int crc32l(int crc, int value) {
        int sum = crc ^ value;
        return REMAINDERS[3 * 256 + (sum & 0xFF)] ^ REMAINDERS[2 * 256 + (sum >>> 8 & 0xFF)]
                ^ REMAINDERS[256 + (sum >>> 16 & 0xFF)] ^ REMAINDERS[sum >>> 24];
    }

    /** CRC32 with a quadword. */
    public static int crc32q(int crc, long value) {
        int sum = crc ^ (int) value;
        int rest = (int) (value >>> 32);
        return REMAINDERS[7 * 256 + (sum & 0xFF)] ^ REMAINDERS[6 * 256 + (sum >>> 8 & 0xFF)]
                ^ REMAINDERS[5 * 256 + (sum >>> 16 & 0xFF)] ^ REMAINDERS[4 * 256 + (sum >>> 24)]
                ^ crc32l(0, rest);
    }

    /** The arithmetic flags after POPCNT: ZF by the source, all others zero. The count itself is {@link Long#bitCount}. */
    public static int popcntFlags(long source) {
        return source == 0 ? ZF : 0;
    }
}
