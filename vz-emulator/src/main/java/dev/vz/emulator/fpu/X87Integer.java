package dev.vz.emulator.fpu;

/**
 * x87 conversions from and to signed integers. Stores report through the return value as {@link X87Transfer} describes;
 * the integer is in the low bits of {@link FpuState#storeLow}.
 *
 * <p>
 * Intel SDM volume 2, FILD, FIST/FISTP, FISTTP.
 */
public final class X87Integer {

    private X87Integer() {}

    /** FILD m16int. */
    public static void fildM16(FpuState s, short value) {
        fildM64(s, value);
    }

    /** FILD m32int. */
    public static void fildM32(FpuState s, int value) {
        fildM64(s, value);
    }

    /** FILD m64int. */
    public static void fildM64(FpuState s, long value) {
        s.second.setInteger(value);
        X87Stack.push(s, s.second.signExponent(), s.second.significand);
    }

    /** FIST m16int. */
    public static boolean fistM16(FpuState s) {
        return store(s, 16, X87Stack.roundingMode(s));
    }

    /** FIST m32int. */
    public static boolean fistM32(FpuState s) {
        return store(s, 32, X87Stack.roundingMode(s));
    }

    /** FISTP m16int. */
    public static boolean fistpM16(FpuState s) {
        return popAfter(s, store(s, 16, X87Stack.roundingMode(s)));
    }

    /** FISTP m32int. */
    public static boolean fistpM32(FpuState s) {
        return popAfter(s, store(s, 32, X87Stack.roundingMode(s)));
    }

    /** FISTP m64int. */
    public static boolean fistpM64(FpuState s) {
        return popAfter(s, store(s, 64, X87Stack.roundingMode(s)));
    }

    /** FISTTP m16int: truncates whatever the control word says. */
    public static boolean fisttpM16(FpuState s) {
        return popAfter(s, store(s, 16, SoftFloat.TRUNCATE));
    }

    /** FISTTP m32int. */
    public static boolean fisttpM32(FpuState s) {
        return popAfter(s, store(s, 32, SoftFloat.TRUNCATE));
    }

    /** FISTTP m64int. */
    public static boolean fisttpM64(FpuState s) {
        return popAfter(s, store(s, 64, SoftFloat.TRUNCATE));
    }

    private static boolean popAfter(FpuState s, boolean stored) {
        if (stored) {
            X87Stack.pop(s);
        }
        return stored;
    }

    private static boolean store(FpuState s, int bits, int roundingMode) {
        long indefinite = -1L << bits - 1;
        s.storeLow = indefinite;
        if (s.isEmpty(0)) {
            return X87Stack.underflow(s);
        }
        X87Stack.read(s, 0, s.first);
        X87Stack.clearC1(s);
        if (s.first.kind >= Unpacked.INFINITY) {
            return X87Stack.raise(s, FpuState.IE);
        }
        SoftFloat r = s.result;
        r.set(s.first);
        long magnitude = r.roundInteger(roundingMode);
        // The most negative integer has the magnitude of the indefinite one.
        long limit = r.sign != 0 ? -indefinite : -indefinite - 1;
        if ((r.flags & FpuState.IE) != 0 || Long.compareUnsigned(magnitude, limit) > 0) {
            return X87Stack.raise(s, FpuState.IE);
        }
        s.storeLow = r.sign != 0 ? -magnitude : magnitude;
        X87Stack.conclude(s);
        return true;
    }
}
