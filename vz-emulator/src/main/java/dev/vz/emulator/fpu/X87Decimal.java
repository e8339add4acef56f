package dev.vz.emulator.fpu;

/**
 * x87 packed decimal: 18 digits, two to a byte, lowest first, and a sign in bit 79.
 *
 * <p>
 * Intel SDM volume 1, 4.7 (format), volume 2, FBLD and FBSTP.
 */
public final class X87Decimal {

    private static final long LIMIT = 1_000_000_000_000_000_000L;

    private X87Decimal() {}

    /**
     * FBLD.
     *
     * @param digits the low 16 digits
     * @param upper bits 79 to 64: two more digits and the sign
     */
    public static void fbld(FpuState s, long digits, int upper) {
        long value = (upper >>> 4 & 0xF) * 10L + (upper & 0xF);
        for (int shift = 60; shift >= 0; shift -= 4) {
            value = value * 10 + (digits >>> shift & 0xF);
        }
        s.second.setInteger(value);
        X87Stack.push(s, s.second.signExponent() | upper & 0x8000, s.second.significand);
    }

    /** FBSTP: the operand is rounded to an integer; see {@link X87Transfer} for the return value. */
    public static boolean fbstp(FpuState s) {
        if (s.isEmpty(0)) {
            indefinite(s);
            if (!X87Stack.underflow(s)) {
                return false;
            }
        } else if (!convert(s)) {
            return false;
        }
        X87Stack.pop(s);
        return true;
    }

    private static boolean convert(FpuState s) {
        X87Stack.read(s, 0, s.first);
        X87Stack.clearC1(s);
        SoftFloat r = s.result;
        if (s.first.kind >= Unpacked.INFINITY) {
            indefinite(s);
            return X87Stack.raise(s, FpuState.IE);
        }
        r.set(s.first);
        long magnitude = r.roundInteger(X87Stack.roundingMode(s));
        if ((r.flags & FpuState.IE) != 0 || Long.compareUnsigned(magnitude, LIMIT) >= 0) {
            indefinite(s);
            return X87Stack.raise(s, FpuState.IE);
        }
        long digits = 0;
        for (int shift = 0; shift < 64; shift += 4) {
            digits |= magnitude % 10 << shift;
            magnitude /= 10;
        }
        s.storeLow = digits;
        s.storeHigh = r.sign << 15 | (int) (magnitude / 10) << 4 | (int) (magnitude % 10);
        X87Stack.conclude(s);
        return true;
    }

    private static void indefinite(FpuState s) {
        s.storeLow = 0xC000_0000_0000_0000L;
        s.storeHigh = 0xFFFF;
    }
}
