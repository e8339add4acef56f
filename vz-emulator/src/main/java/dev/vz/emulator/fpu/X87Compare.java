package dev.vz.emulator.fpu;

/**
 * x87 comparison and classification. The ordering goes to C3, C2 and C0 or, for the {@code …i} forms, to EFLAGS, with the
 * same three bits in the places of ZF, PF and CF. An unmasked exception keeps the stack from being popped but, as
 * processors do, the ordering is delivered all the same. The {@code …i} forms leave C1 alone unless the stack is at fault.
 *
 * <p>
 * Intel SDM volume 2, FCOM, FUCOM, FICOM, FCOMI, FTST, FXAM.
 */
public final class X87Compare {

    private static final int ZF = 0x40;
    private static final int PF = 0x04;
    private static final int CF = 0x01;

    private X87Compare() {}

    /** FCOM ST(i): a quiet NaN is invalid. */
    public static void fcom(FpuState s, int i) {
        register(s, i, true, 0);
    }

    /** FCOMP ST(i). */
    public static void fcomp(FpuState s, int i) {
        register(s, i, true, 1);
    }

    /** FCOMPP: compares ST(0) with ST(1) and pops both. */
    public static void fcompp(FpuState s) {
        register(s, 1, true, 2);
    }

    /** FUCOM ST(i): a quiet NaN is merely unordered. */
    public static void fucom(FpuState s, int i) {
        register(s, i, false, 0);
    }

    /** FUCOMP ST(i). */
    public static void fucomp(FpuState s, int i) {
        register(s, i, false, 1);
    }

    /** FUCOMPP. */
    public static void fucompp(FpuState s) {
        register(s, 1, false, 2);
    }

    /** FCOM m32/m64, FICOM: compares ST(0) with the operand that {@link X87Operand} loaded. */
    public static void fcomMemory(FpuState s) {
        memory(s, false);
    }

    /** FCOMP m32/m64, FICOMP. */
    public static void fcompMemory(FpuState s) {
        memory(s, true);
    }

    /** FTST: compares ST(0) with zero. */
    public static void ftst(FpuState s) {
        s.second.setInteger(0);
        memory(s, false);
    }

    /** FCOMI ST(i): ZF, PF and CF in their places in EFLAGS. */
    public static int fcomi(FpuState s, int i) {
        return flags(s, i, true, false);
    }

    /** FCOMIP ST(i). */
    public static int fcomip(FpuState s, int i) {
        return flags(s, i, true, true);
    }

    /** FUCOMI ST(i). */
    public static int fucomi(FpuState s, int i) {
        return flags(s, i, false, false);
    }

    /** FUCOMIP ST(i). */
    public static int fucomip(FpuState s, int i) {
        return flags(s, i, false, true);
    }

    /** FXAM: the class of ST(0) in C3, C2, C0 and its sign in C1; never an exception. */
    public static void fxam(FpuState s) {
        int register = s.top;
        int signExponent = s.signExponent[register];
        int word = s.fsw & ~(FpuState.C0 | FpuState.C1 | FpuState.C2 | FpuState.C3);
        if ((signExponent & 0x8000) != 0) {
            word |= FpuState.C1;
        }
        if (s.isEmpty(0)) {
            s.fsw = word | FpuState.C3 | FpuState.C0;
            return;
        }
        s.first.setExtended(signExponent, s.significand[register]);
        s.fsw = word | switch (s.first.kind) {
            case Unpacked.ZERO -> FpuState.C3;
            case Unpacked.NORMAL -> FpuState.C2;
            case Unpacked.DENORMAL -> FpuState.C3 | FpuState.C2;
            case Unpacked.INFINITY -> FpuState.C2 | FpuState.C0;
            case Unpacked.QUIET_NAN, Unpacked.SIGNALING_NAN -> FpuState.C0;
            default -> 0;
        };
    }

    private static void register(FpuState s, int i, boolean quietIsInvalid, int pops) {
        X87Stack.clearC1(s);
        conclude(s, compare(s, i, quietIsInvalid), pops);
    }

    private static void memory(FpuState s, boolean pop) {
        X87Stack.clearC1(s);
        int order = ZF | PF | CF;
        if (s.isEmpty(0)) {
            X87Stack.underflow(s);
        } else {
            X87Stack.read(s, 0, s.first);
            order = compare(s, true);
        }
        conclude(s, order, pop ? 1 : 0);
    }

    private static void conclude(FpuState s, int order, int pops) {
        // ZF, PF and CF are bits 6, 2 and 0; C3, C2 and C0 are bits 14, 10 and 8.
        s.fsw = s.fsw & ~(FpuState.C3 | FpuState.C2 | FpuState.C0) | order << 8;
        if (!s.hasPendingException()) {
            for (int i = 0; i < pops; i++) {
                X87Stack.pop(s);
            }
        }
    }

    private static int flags(FpuState s, int i, boolean quietIsInvalid, boolean pop) {
        int order = compare(s, i, quietIsInvalid);
        if (pop && !s.hasPendingException()) {
            X87Stack.pop(s);
        }
        return order;
    }

    private static int compare(FpuState s, int i, boolean quietIsInvalid) {
        if (s.isEmpty(0) || s.isEmpty(i)) {
            X87Stack.underflow(s);
            return ZF | PF | CF;
        }
        X87Stack.read(s, 0, s.first);
        X87Stack.read(s, i, s.second);
        return compare(s, quietIsInvalid);
    }

    /** Orders {@code first} against {@code second}: ZF, PF and CF. */
    private static int compare(FpuState s, boolean quietIsInvalid) {
        Unpacked a = s.first;
        Unpacked b = s.second;
        if (a.isUnordered() || b.isUnordered()) {
            if (quietIsInvalid || a.kind > Unpacked.QUIET_NAN || b.kind > Unpacked.QUIET_NAN) {
                X87Stack.raise(s, FpuState.IE);
            }
            return ZF | PF | CF;
        }
        if (a.kind == Unpacked.DENORMAL || b.kind == Unpacked.DENORMAL) {
            X87Stack.raise(s, FpuState.DE);
        }
        int order = order(a, b);
        return order == 0 ? ZF : order < 0 ? CF : 0;
    }

    private static int order(Unpacked a, Unpacked b) {
        boolean zeroA = a.kind == Unpacked.ZERO;
        boolean zeroB = b.kind == Unpacked.ZERO;
        if (zeroA && zeroB) {
            return 0;
        }
        if (zeroA) {
            return b.sign == 0 ? -1 : 1;
        }
        int positive = a.sign == 0 ? 1 : -1;
        if (zeroB || a.sign != b.sign) {
            return positive;
        }
        boolean infiniteA = a.kind == Unpacked.INFINITY;
        boolean infiniteB = b.kind == Unpacked.INFINITY;
        if (infiniteA || infiniteB) {
            return infiniteA == infiniteB ? 0 : infiniteA ? positive : -positive;
        }
        if (a.exponent != b.exponent) {
            return a.exponent > b.exponent ? positive : -positive;
        }
        return positive * Long.compareUnsigned(a.significand, b.significand);
    }
}
