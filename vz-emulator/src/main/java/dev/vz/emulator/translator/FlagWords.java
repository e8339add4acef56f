package dev.vz.emulator.translator;

/**
 * The arithmetic flags of translated code while they are not asked for: result, sign word, two operands, and the number of
 * what has made them. From these comes, when it is needed, the vector of carries in which
 * {@link dev.vz.emulator.cpu.Cpu#flagCarry} keeps CF, OF and AF; {@link dev.vz.emulator.cpu.Alu} explains it.
 */
final class FlagWords {

    /** The first operand is the vector of carries. */
    static final int EXPLICIT = 0;
    /** Sum of the operands; the width is added to it. */
    static final int SUM = 64;
    /** Difference of the operands; the width is added to it. */
    static final int DIFFERENCE = 128;

    private static final long TOP = Long.MIN_VALUE;
    private static final long HALF = 8;

    private FlagWords() {}

    /** The vector of carries. */
    static long carries(int maker, long a, long b, long r) {
        if (maker == EXPLICIT) {
            return a;
        }
        long v = maker < DIFFERENCE ? a & b | (a | b) & ~r : ~a & b | (~a | b) & r;
        return v << (maker & 63) | v & HALF;
    }

    /** CF as 0 or 1. */
    static long carry(int maker, long a, long b, long r) {
        return carries(maker, a, b, r) >>> 63;
    }

    private static boolean parity(long value) {
        return (Integer.bitCount((int) value & 0xFF) & 1) == 0;
    }

    /** Whether condition {@code code} (the low four opcode bits) holds. */
    static boolean holds(int code, int maker, long a, long b, long zero, long sign) {
        boolean result = switch (code >> 1) {
            case 0 -> overflow(maker, a, b, zero) < 0;
            case 1 -> carries(maker, a, b, zero) < 0;
            case 2 -> zero == 0;
            case 3 -> zero == 0 || carries(maker, a, b, zero) < 0;
            case 4 -> sign < 0;
            case 5 -> parity(sign);
            case 6 -> (sign ^ overflow(maker, a, b, zero)) < 0;
            default -> zero == 0 || (sign ^ overflow(maker, a, b, zero)) < 0;
        };
        return result != ((code & 1) != 0);
    }

    private static long overflow(int maker, long a, long b, long r) {
        long v = carries(maker, a, b, r);
        return v ^ v << 1;
    }

    private static long join(long carry, long overflow) {
        return carry & TOP | (carry ^ overflow) >>> 1 & TOP >>> 1;
    }

    /** Carries after INC: CF stays as it was in {@code old}. */
    static long increment(int s, long a, long r, long old) {
        return keep(carries(SUM | s, a, 1, r), old);
    }

    /** Carries after DEC: CF stays as it was in {@code old}. */
    static long decrement(int s, long a, long r, long old) {
        return keep(carries(DIFFERENCE | s, a, 1, r), old);
    }

    private static long keep(long v, long old) {
        long carry = old & TOP;
        return carry | (carry ^ (v ^ v << 1) & TOP) >>> 1 | v & HALF;
    }

    /** Carries after SHL of {@code a} by {@code n} (1 to 63) with result {@code r}. */
    static long shl(int s, long a, int n, long r) {
        long carry = a << n - 1 << s;
        return join(carry, carry ^ r);
    }

    /** Carries after SHR. */
    static long shr(int s, long a, int n, long r) {
        return join((a << s >>> s) >>> n - 1 << 63, (r ^ r << 1) << s);
    }

    /** Carries after SAR. */
    static long sar(int s, long a, int n) {
        return join((a << s >> s) >> n - 1 << 63, 0);
    }

    /** The result of ROL, zero-extended. */
    static long rotateLeft(int s, long a, int n) {
        int width = 64 - s;
        int k = n & width - 1;
        long from = a << s >>> s;
        return k == 0 ? from : (from << k | from >>> width - k) << s >>> s;
    }

    /** Carries after ROL with result {@code r}: AF stays as it was in {@code old}. */
    static long rol(int s, long r, long old) {
        return join(r << 63, r << 63 ^ r << s) | old & HALF;
    }

    /** Carries after ROR with result {@code r}: AF stays as it was in {@code old}. */
    static long ror(int s, long r, long old) {
        return join(r << s, (r ^ r << 1) << s) | old & HALF;
    }

    /** Carries with another CF and the rest as it was. */
    static long withCarry(long carry, long old) {
        return join(carry << 63, old ^ old << 1) | old & HALF;
    }

    /** Carries after IMUL of 64 bits. */
    static long signedProduct(long a, long b, long product) {
        return Math.multiplyHigh(a, b) != product >> 63 ? TOP : 0;
    }

    /** The zero word for flags in their places in RFLAGS. */
    static long zero(int flags) {
        return ~flags >>> 6 & 1L;
    }

    /** The sign word for flags in their places in RFLAGS, of which SF is clear. */
    static long sign(int flags) {
        return ~flags >>> 2 & 1L;
    }

    /** Carries for flags in their places in RFLAGS, of which OF and AF are clear. */
    static long carryOnly(int flags) {
        return (flags & 1L) * (3L << 62);
    }

    /** Carries by whether two words differ. */
    static long differ(long a, long b) {
        return a != b ? TOP : 0;
    }
}
