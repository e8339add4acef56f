package dev.vz.emulator.cpu;

/**
 * Integer operations that set flags, for operands of any width.
 *
 * <p>
 * Width is given as {@code s}, the number of unused bits on top of a 64-bit value: 0, 32, 48 or 56. Operands may hold
 * anything in the unused bits. Results are sign-extended from their width.
 *
 * <p>
 * Flags are left in the form of {@link Cpu#flagZero}, {@link Cpu#flagSign} and {@link Cpu#flagCarry}: the result twice, and
 * the vector of carries out of each bit position, moved up so that the carry out of the highest bit is bit 63, and with
 * the carry out of bit 3 kept at bit 3. Three stores and a handful of register operations, and no flag needs to know later
 * which operation set it.
 */
public final class Alu {

    private static final long CARRY = Long.MIN_VALUE;
    private static final long HALF = 8;

    private Alu() {}

    /** The value in the low bits, sign-extended. */
    public static long extend(int s, long value) {
        return value << s >> s;
    }

    private static long result(Cpu c, long r) {
        c.flagZero = r;
        c.flagSign = r;
        return r;
    }

    /** Carries out of each position of an addition. */
    private static long carries(int s, long a, long b, long r) {
        long v = a & b | (a | b) & ~r;
        return v << s | v & HALF;
    }

    /** Borrows into each position of a subtraction. */
    private static long borrows(int s, long a, long b, long r) {
        long v = ~a & b | (~a | b) & r;
        return v << s | v & HALF;
    }

    /** ADD. */
    public static long add(Cpu c, int s, long a, long b) {
        long r = a + b << s >> s;
        c.flagCarry = carries(s, a, b, r);
        return result(c, r);
    }

    /** ADC. */
    public static long adc(Cpu c, int s, long a, long b) {
        long r = a + b + (c.flagCarry >>> 63) << s >> s;
        c.flagCarry = carries(s, a, b, r);
        return result(c, r);
    }

    /** SUB and CMP. */
    public static long sub(Cpu c, int s, long a, long b) {
        long r = a - b << s >> s;
        c.flagCarry = borrows(s, a, b, r);
        return result(c, r);
    }

    /** SBB. */
    public static long sbb(Cpu c, int s, long a, long b) {
        long r = a - b - (c.flagCarry >>> 63) << s >> s;
        c.flagCarry = borrows(s, a, b, r);
        return result(c, r);
    }

    /** AND and TEST. */
    public static long and(Cpu c, int s, long a, long b) {
        c.flagCarry = 0;
        return result(c, (a & b) << s >> s);
    }

    /** OR. */
    public static long or(Cpu c, int s, long a, long b) {
        c.flagCarry = 0;
        return result(c, (a | b) << s >> s);
    }

    /** XOR. */
    public static long xor(Cpu c, int s, long a, long b) {
        c.flagCarry = 0;
        return result(c, (a ^ b) << s >> s);
    }

    /** INC. */
    public static long inc(Cpu c, int s, long a) {
        long r = a + 1 << s >> s;
        long v = carries(s, a, 1, r);
        keepCarry(c, v);
        return result(c, r);
    }

    /** DEC. */
    public static long dec(Cpu c, int s, long a) {
        long r = a - 1 << s >> s;
        long v = borrows(s, a, 1, r);
        keepCarry(c, v);
        return result(c, r);
    }

    /** Takes overflow and half carry from {@code v}, and leaves CF. */
    private static void keepCarry(Cpu c, long v) {
        long carry = c.flagCarry & CARRY;
        long overflow = (v ^ v << 1) & CARRY;
        c.flagCarry = carry | (carry ^ overflow) >>> 1 | v & HALF;
    }

    /** NEG. */
    public static long neg(Cpu c, int s, long a) {
        return sub(c, s, 0, a);
    }

    /** Sets CF and OF, and clears AF. {@code carry} and {@code overflow} count by their highest bit. */
    private static void carryAndOverflow(Cpu c, long carry, long overflow) {
        c.flagCarry = carry & CARRY | (carry ^ overflow) >>> 1 & CARRY >>> 1;
    }

    /** Sets CF and OF only. {@code carry} and {@code overflow} count by their highest bit. */
    private static void onlyCarryAndOverflow(Cpu c, long carry, long overflow) {
        c.flagCarry = carry & CARRY | (carry ^ overflow) >>> 1 & CARRY >>> 1 | c.flagCarry & HALF;
    }

    /** Sets CF alone. */
    public static void setCarry(Cpu c, boolean carry) {
        long overflow = c.flagCarry ^ c.flagCarry << 1;
        onlyCarryAndOverflow(c, carry ? CARRY : 0, overflow);
    }

    /** Sets CF and OF alike, and clears AF: after a multiplication. The result decides SF, ZF and PF. */
    public static void multiplied(Cpu c, long low, boolean wide) {
        c.flagCarry = wide ? CARRY : 0;
        result(c, low);
    }

    /** SHL by {@code n}, already masked and not 0. */
    public static long shl(Cpu c, int s, long a, int n) {
        long r = a << n << s >> s;
        long carry = a << n - 1 << s;
        carryAndOverflow(c, carry, carry ^ r);
        return result(c, r);
    }

    /** SHR by {@code n}, already masked and not 0. */
    public static long shr(Cpu c, int s, long a, int n) {
        long from = a << s >>> s;
        long r = (from >>> n) << s >> s;
        carryAndOverflow(c, from >>> n - 1 << 63, (r ^ r << 1) << s);
        return result(c, r);
    }

    /** SAR by {@code n}, already masked and not 0. */
    public static long sar(Cpu c, int s, long a, int n) {
        long from = a << s >> s;
        carryAndOverflow(c, from >> n - 1 << 63, 0);
        return result(c, from >> n);
    }

    /** ROL by {@code n}, already masked to 5 or 6 bits and not 0. */
    public static long rol(Cpu c, int s, long a, int n) {
        int width = 64 - s;
        int k = n & width - 1;
        long from = a << s >>> s;
        long r = from << k | from >>> (width - k & 63);
        if (k == 0) {
            r = from;
        }
        onlyCarryAndOverflow(c, r << 63, r << 63 ^ r << s);
        return r << s >> s;
    }

    /** ROR by {@code n}, already masked to 5 or 6 bits and not 0. */
    public static long ror(Cpu c, int s, long a, int n) {
        int width = 64 - s;
        int k = n & width - 1;
        long from = a << s >>> s;
        long r = from >>> k | from << (width - k & 63);
        if (k == 0) {
            r = from;
        }
        onlyCarryAndOverflow(c, r << s, (r ^ r << 1) << s);
        return r << s >> s;
    }

    /** RCL by {@code n}, already masked to 5 or 6 bits and not 0. */
    public static long rcl(Cpu c, int s, long a, int n) {
        int width = 64 - s;
        int k = n % (width + 1);
        long from = a << s >>> s;
        if (k == 0) {
            return from << s >> s;
        }
        long carryIn = c.flagCarry >>> 63;
        long r = (k == 64 ? 0 : from << k) | carryIn << k - 1;
        if (k > 1) {
            r |= from >>> width + 1 - k;
        }
        long carry = from >>> width - k << 63;
        onlyCarryAndOverflow(c, carry, carry ^ r << s);
        return r << s >> s;
    }

    /** RCR by {@code n}, already masked to 5 or 6 bits and not 0. */
    public static long rcr(Cpu c, int s, long a, int n) {
        int width = 64 - s;
        int k = n % (width + 1);
        long from = a << s >>> s;
        if (k == 0) {
            return from << s >> s;
        }
        long carryIn = c.flagCarry >>> 63;
        long r = (k == 64 ? 0 : from >>> k) | carryIn << width - k;
        if (k > 1) {
            r |= from << width + 1 - k;
        }
        onlyCarryAndOverflow(c, from >>> k - 1 << 63, (r ^ r << 1) << s);
        return r << s >> s;
    }

    /** SHLD by {@code n}, already masked and not 0. */
    public static long shld(Cpu c, int s, long a, long fill, int n) {
        int width = 64 - s;
        long r;
        long carry;
        if (width == 16) {
            // Counts above 16 are undefined; AMD's processors go on with the same bits.
            long wide = (a & 0xFFFF) << 32 | (fill & 0xFFFF) << 16 | fill & 0xFFFF;
            r = wide << n >>> 32;
            carry = wide >>> 48 - n << 63;
        } else {
            long low = fill << s >>> s;
            r = a << n | low >>> width - n;
            carry = a << n - 1 << s;
        }
        r = r << s >> s;
        carryAndOverflow(c, carry, r ^ (a << s));
        return result(c, r);
    }

    /** SHRD by {@code n}, already masked and not 0. */
    public static long shrd(Cpu c, int s, long a, long fill, int n) {
        int width = 64 - s;
        long r;
        long carry;
        long low = a << s >>> s;
        if (width == 16) {
            long wide = (fill & 0xFFFF) << 32 | (fill & 0xFFFF) << 16 | a & 0xFFFF;
            r = wide >>> n;
            carry = wide >>> n - 1 << 63;
        } else {
            r = low >>> n | fill << width - n;
            carry = low >>> n - 1 << 63;
        }
        r = r << s >> s;
        carryAndOverflow(c, carry, r ^ (a << s));
        return result(c, r);
    }
}
