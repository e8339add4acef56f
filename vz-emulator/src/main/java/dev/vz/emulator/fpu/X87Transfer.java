package dev.vz.emulator.fpu;

/**
 * x87 loads, stores and exchanges of floating-point values.
 *
 * <p>
 * A store function decides whether memory is to be written: when it returns true, the caller writes
 * {@link FpuState#storeLow} (and {@link FpuState#storeHigh} for 80 bits); when it returns false, an unmasked exception
 * withholds the value and the stack has not been popped. Because the function pops, a caller first makes sure that the
 * destination can be written.
 *
 * <p>
 * Intel SDM volume 2, FLD, FST/FSTP, FXCH, FCMOVcc, FFREE; volume 1, 8.5.4 and 8.5.5 for stores that overflow.
 */
public final class X87Transfer {

    private static final long DOUBLE_INDEFINITE = 0xFFF8_0000_0000_0000L;
    private static final long SINGLE_INDEFINITE = 0xFFC0_0000L;

    private X87Transfer() {}

    /** FLD m32fp. */
    public static void fldM32(FpuState s, int bits) {
        s.second.setSingle(bits);
        load(s);
    }

    /** FLD m64fp. */
    public static void fldM64(FpuState s, long bits) {
        s.second.setDouble(bits);
        load(s);
    }

    /** FLD m80fp: takes any encoding as it is. */
    public static void fldM80(FpuState s, int signExponent, long significand) {
        X87Stack.push(s, signExponent & 0xFFFF, significand);
    }

    /** FLD ST(i). */
    public static void fld(FpuState s, int i) {
        if (s.isEmpty(i)) {
            if (X87Stack.underflow(s)) {
                s.top = s.top - 1 & 7;
                X87Stack.writeIndefinite(s, 0);
            }
            return;
        }
        int register = s.physical(i);
        X87Stack.push(s, s.signExponent[register], s.significand[register]);
    }

    private static void load(FpuState s) {
        if (!X87Stack.reserve(s)) {
            return;
        }
        Unpacked a = s.second;
        int signExponent = a.signExponent();
        long significand = a.significand;
        if (a.kind == Unpacked.DENORMAL) {
            // Unlike in arithmetic, the operand is delivered even when the exception is unmasked.
            X87Stack.raise(s, FpuState.DE);
        } else if (a.kind == Unpacked.SIGNALING_NAN) {
            if (!X87Stack.raise(s, FpuState.IE)) {
                return;
            }
            significand |= Unpacked.QUIET;
        } else if (a.kind == Unpacked.INFINITY) {
            significand = Long.MIN_VALUE;
        }
        s.top = s.top - 1 & 7;
        X87Stack.write(s, 0, signExponent, significand);
    }

    /** FST m32fp. */
    public static boolean fstM32(FpuState s) {
        return store(s, true);
    }

    /** FST m64fp. */
    public static boolean fstM64(FpuState s) {
        return store(s, false);
    }

    /** FSTP m32fp. */
    public static boolean fstpM32(FpuState s) {
        return popAfter(s, store(s, true));
    }

    /** FSTP m64fp. */
    public static boolean fstpM64(FpuState s) {
        return popAfter(s, store(s, false));
    }

    /** FSTP m80fp: stores any encoding as it is. */
    public static boolean fstpM80(FpuState s) {
        if (s.isEmpty(0)) {
            if (!X87Stack.underflow(s)) {
                return false;
            }
            s.storeHigh = X87Stack.INDEFINITE_EXPONENT;
            s.storeLow = X87Stack.INDEFINITE;
        } else {
            X87Stack.clearC1(s);
            s.storeHigh = s.signExponent[s.top];
            s.storeLow = s.significand[s.top];
        }
        X87Stack.pop(s);
        return true;
    }

    private static boolean popAfter(FpuState s, boolean stored) {
        if (stored) {
            X87Stack.pop(s);
        }
        return stored;
    }

    private static boolean store(FpuState s, boolean single) {
        if (s.isEmpty(0)) {
            s.storeLow = single ? SINGLE_INDEFINITE : DOUBLE_INDEFINITE;
            return X87Stack.underflow(s);
        }
        Unpacked a = s.first;
        X87Stack.read(s, 0, a);
        if (a.isUnordered()) {
            boolean delivered = X87Stack.propagate(s, a);
            storeSpecial(s, single, s.result.signExponent >>> 15 & 1, s.result.significand << 1 >>> 1);
            return delivered;
        }
        if (a.kind == Unpacked.INFINITY) {
            X87Stack.clearC1(s);
            storeSpecial(s, single, a.sign, 0);
            return true;
        }
        SoftFloat r = s.result;
        r.set(a);
        int mode = X87Stack.roundingMode(s);
        s.storeLow = single ? r.roundSingle(mode, false) & 0xFFFF_FFFFL : r.roundDouble(mode, false);
        int withheld = r.flags & FpuState.OE;
        if (r.tiny && (s.fcw & FpuState.UE) == 0) {
            withheld |= FpuState.UE;
        }
        withheld &= ~s.fcw;
        if (withheld != 0) {
            // The value stays in ST(0) for the handler; only the exception itself is reported.
            r.flags = withheld;
            r.roundedUp = false;
        }
        X87Stack.conclude(s);
        return withheld == 0;
    }

    /** An infinity, or a NaN with the fraction given in bits 62 to 0. */
    private static void storeSpecial(FpuState s, boolean single, int sign, long fraction) {
        s.storeLow = single
                ? (long) sign << 31 | 0x7F80_0000L | fraction >>> 40
                : (long) sign << 63 | 0x7FF0_0000_0000_0000L | fraction >>> 11;
    }

    /** FST ST(i). */
    public static void fst(FpuState s, int i) {
        copy(s, i);
    }

    /** FSTP ST(i). */
    public static void fstp(FpuState s, int i) {
        if (copy(s, i)) {
            X87Stack.pop(s);
        }
    }

    /** FSTPNCE ST(i), an alias of FSTP that takes an empty ST(0) without complaint: it is popped and nothing copied. */
    public static void fstpnce(FpuState s, int i) {
        X87Stack.clearC1(s);
        if (!s.isEmpty(0)) {
            copy(s, i);
        }
        X87Stack.pop(s);
    }

    private static boolean copy(FpuState s, int i) {
        if (s.isEmpty(0)) {
            if (!X87Stack.underflow(s)) {
                return false;
            }
            X87Stack.writeIndefinite(s, i);
            return true;
        }
        X87Stack.clearC1(s);
        X87Stack.write(s, i, s.signExponent[s.top], s.significand[s.top]);
        return true;
    }

    /** FXCH ST(i): an empty register counts as the default NaN once the stack fault is masked. */
    public static void fxch(FpuState s, int i) {
        if (s.isEmpty(0) || s.isEmpty(i)) {
            if (!X87Stack.underflow(s)) {
                return;
            }
            if (s.isEmpty(0)) {
                X87Stack.writeIndefinite(s, 0);
            }
            if (s.isEmpty(i)) {
                X87Stack.writeIndefinite(s, i);
            }
        } else {
            X87Stack.clearC1(s);
        }
        int register = s.physical(i);
        int signExponent = s.signExponent[register];
        long significand = s.significand[register];
        X87Stack.write(s, i, s.signExponent[s.top], s.significand[s.top]);
        X87Stack.write(s, 0, signExponent, significand);
    }

    /** FCMOVcc ST(0), ST(i): the caller evaluates the condition on EFLAGS. */
    public static void fcmov(FpuState s, int i, boolean condition) {
        if (s.isEmpty(0) || s.isEmpty(i)) {
            if (X87Stack.underflow(s)) {
                X87Stack.writeIndefinite(s, 0);
            }
            return;
        }
        if (condition) {
            int register = s.physical(i);
            X87Stack.write(s, 0, s.signExponent[register], s.significand[register]);
        }
    }

    /** FFREE ST(i). */
    public static void ffree(FpuState s, int i) {
        X87Stack.clearC1(s);
        s.ftw &= ~(1 << s.physical(i));
    }

    /** FFREEP ST(i): FFREE, then pop; an alias that processors accept. */
    public static void ffreep(FpuState s, int i) {
        ffree(s, i);
        X87Stack.pop(s);
    }

    /** FINCSTP: turns the stack without changing tags. */
    public static void fincstp(FpuState s) {
        s.top = s.top + 1 & 7;
        X87Stack.clearC1(s);
    }

    /** FDECSTP. */
    public static void fdecstp(FpuState s) {
        s.top = s.top - 1 & 7;
        X87Stack.clearC1(s);
    }
}
