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
    private static final int[] REMAINDERS = new int[256];
    private static final int ZF = 0x40;

    static {
        for (int i = 0; i < 256; i++) {
            int remainder = i;
            for (int bit = 0; bit < 8; bit++) {
                remainder = remainder >>> 1 ^ -(remainder & 1) & CASTAGNOLI;
            }
            REMAINDERS[i] = remainder;
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
        long low = 0;
        long high = 0;
        for (int i = 0; i < 64; i++) {
            long selected = -(b >>> i & 1);
            low ^= a << i & selected;
            // Two shifts, as a shift by 64 would be none.
            high ^= a >>> 1 >>> 63 - i & selected;
        }
        s.xmm[2 * d] = low;
        s.xmm[2 * d + 1] = high;
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
        return crc32w(crc32w(crc, value), value >>> 16);
    }

    /** CRC32 with a quadword. */
    public static int crc32q(int crc, long value) {
        return crc32l(crc32l(crc, (int) value), (int) (value >>> 32));
    }

    /** The arithmetic flags after POPCNT: ZF by the source, all others zero. The count itself is {@link Long#bitCount}. */
    public static int popcntFlags(long source) {
        return source == 0 ? ZF : 0;
    }
}
