package dev.vz.emulator.simd;

import dev.vz.emulator.fpu.FpuState;

/**
 * AES rounds. A state of four columns of four bytes is a register's sixteen bytes in memory order. Substitution boxes and
 * the round tables are derived from their definition when the class is initialized.
 *
 * <p>
 * FIPS 197, 4.2 (multiplication), 5.1 to 5.3 (rounds); Intel SDM volume 2, AESENC, AESDEC, AESIMC, AESKEYGENASSIST.
 */
public final class Aes {

    private static final byte[] BOX = new byte[256];
    private static final byte[] INVERSE_BOX = new byte[256];
    /** Substitution and the column that a byte in row 0 contributes to MixColumns; other rows are rotations. */
    private static final int[] ROUND = new int[256];
    private static final int[] INVERSE_ROUND = new int[256];
    /** The column that a byte in row 0 contributes to InvMixColumns. */
    private static final int[] INVERSE_MIX = new int[256];

    static {
        for (int i = 0; i < 256; i++) {
            int inverse = inverse(i);
            int substituted = 0x63;
            for (int rotation = 0; rotation < 5; rotation++) {
                substituted ^= inverse << rotation | inverse >>> 8 - rotation;
            }
            BOX[i] = (byte) substituted;
            INVERSE_BOX[substituted & 0xFF] = (byte) i;
        }
        for (int i = 0; i < 256; i++) {
            int substituted = BOX[i] & 0xFF;
            ROUND[i] = column(substituted, 2, 1, 1, 3);
            INVERSE_MIX[i] = column(i, 14, 9, 13, 11);
            INVERSE_ROUND[i] = column(INVERSE_BOX[i] & 0xFF, 14, 9, 13, 11);
        }
    }

    private Aes() {}

    private static int column(int value, int row0, int row1, int row2, int row3) {
        return multiply(value, row0) | multiply(value, row1) << 8 | multiply(value, row2) << 16
                | multiply(value, row3) << 24;
    }

    /** Product in the field of 256 elements with x^8 + x^4 + x^3 + x + 1. */
    private static int multiply(int a, int b) {
        int product = 0;
        int multiple = a;
        for (int rest = b; rest != 0; rest >>>= 1) {
            product ^= (rest & 1) != 0 ? multiple : 0;
            multiple = multiple << 1 ^ (multiple & 0x80) / 0x80 * 0x11B;
        }
        return product;
    }

    private static int inverse(int a) {
        // a^254, as the group has 255 elements; zero stays zero.
        int power = a;
        int result = 1;
        for (int exponent = 254; exponent != 0; exponent >>>= 1) {
            if ((exponent & 1) != 0) {
                result = multiply(result, power);
            }
            power = multiply(power, power);
        }
        return result;
    }

    private static int at(long low, long high, int column, int row) {
        int position = (column & 3) * 4 + row;
        return (int) ((position < 8 ? low : high) >>> 8 * (position & 7)) & 0xFF;
    }

    private static int mixed(int[] table, long low, long high, int column, int direction) {
        return table[at(low, high, column, 0)]
                ^ Integer.rotateLeft(table[at(low, high, column + direction, 1)], 8)
                ^ Integer.rotateLeft(table[at(low, high, column + 2 * direction, 2)], 16)
                ^ Integer.rotateLeft(table[at(low, high, column + 3 * direction, 3)], 24);
    }

    private static int substituted(byte[] box, long low, long high, int column, int direction) {
        return box[at(low, high, column, 0)] & 0xFF
                | (box[at(low, high, column + direction, 1)] & 0xFF) << 8
                | (box[at(low, high, column + 2 * direction, 2)] & 0xFF) << 16
                | box[at(low, high, column + 3 * direction, 3)] << 24;
    }

    private static long pair(int lower, int upper) {
        return (long) upper << 32 | lower & 0xFFFF_FFFFL;
    }

    private static void round(FpuState s, int d, long lo, long hi, int[] table, int direction) {
        long low = s.xmm[2 * d];
        long high = s.xmm[2 * d + 1];
        s.xmm[2 * d] = lo ^ pair(mixed(table, low, high, 0, direction), mixed(table, low, high, 1, direction));
        s.xmm[2 * d + 1] = hi ^ pair(mixed(table, low, high, 2, direction), mixed(table, low, high, 3, direction));
    }

    private static void lastRound(FpuState s, int d, long lo, long hi, byte[] box, int direction) {
        long low = s.xmm[2 * d];
        long high = s.xmm[2 * d + 1];
        s.xmm[2 * d] = lo ^ pair(substituted(box, low, high, 0, direction), substituted(box, low, high, 1, direction));
        s.xmm[2 * d + 1] = hi
                ^ pair(substituted(box, low, high, 2, direction), substituted(box, low, high, 3, direction));
    }

    /** One round of encryption; the source is the round key. */
    public static void aesenc(FpuState s, int d, long lo, long hi) {
        round(s, d, lo, hi, ROUND, 1);
    }

    /** The last round of encryption, without MixColumns. */
    public static void aesenclast(FpuState s, int d, long lo, long hi) {
        lastRound(s, d, lo, hi, BOX, 1);
    }

    /** One round of decryption by the equivalent inverse cipher. */
    public static void aesdec(FpuState s, int d, long lo, long hi) {
        round(s, d, lo, hi, INVERSE_ROUND, -1);
    }

    /** The last round of decryption. */
    public static void aesdeclast(FpuState s, int d, long lo, long hi) {
        lastRound(s, d, lo, hi, INVERSE_BOX, -1);
    }

    /** InvMixColumns of the source, for the keys of the equivalent inverse cipher. */
    public static void aesimc(FpuState s, int d, long lo, long hi) {
        s.xmm[2 * d] = pair(mixed(INVERSE_MIX, lo, hi, 0, 0), mixed(INVERSE_MIX, lo, hi, 1, 0));
        s.xmm[2 * d + 1] = pair(mixed(INVERSE_MIX, lo, hi, 2, 0), mixed(INVERSE_MIX, lo, hi, 3, 0));
    }

    /** Substituted and rotated words 1 and 3 of the source, for key expansion. */
    public static void aeskeygenassist(FpuState s, int d, long lo, long hi, int roundConstant) {
        int word1 = substituted(BOX, lo, hi, 1, 0);
        int word3 = substituted(BOX, lo, hi, 3, 0);
        s.xmm[2 * d] = pair(word1, Integer.rotateRight(word1, 8) ^ roundConstant);
        s.xmm[2 * d + 1] = pair(word3, Integer.rotateRight(word3, 8) ^ roundConstant);
    }
}
