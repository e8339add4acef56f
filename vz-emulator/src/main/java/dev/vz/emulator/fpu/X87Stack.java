package dev.vz.emulator.fpu;

/**
 * What all x87 instructions share: recording exceptions, answering stack faults, reading and writing stack elements.
 *
 * <p>
 * Intel SDM volume 1, 8.1.2 (stack), 8.1.3 (status word), 8.5 (exceptions and masked responses).
 */
final class X87Stack {

    /** Sign and exponent of the default NaN ("real indefinite"). */
    static final int INDEFINITE_EXPONENT = 0xFFFF;
    /** Significand of the default NaN. */
    static final long INDEFINITE = 0xC000_0000_0000_0000L;

    private X87Stack() {}

    static int roundingMode(FpuState s) {
        return s.fcw >>> 10 & 3;
    }

    /** Significant bits that precision control asks for; the reserved setting acts as full precision. */
    static int precision(FpuState s) {
        return switch (s.fcw >>> 8 & 3) {
            case 0 -> 24;
            case 2 -> 53;
            default -> 64;
        };
    }

    /**
     * Records exceptions that are found before computing.
     *
     * @return whether all of them are masked, so that the instruction goes on with its masked response
     */
    static boolean raise(FpuState s, int flags) {
        s.fsw |= flags;
        if ((flags & ~s.fcw & 0x3F) != 0) {
            s.fsw |= FpuState.ES | FpuState.BUSY;
            return false;
        }
        return true;
    }

    /** Records what rounding the result reported; the result is delivered whether masked or not. */
    static void conclude(FpuState s) {
        int flags = s.result.flags;
        int word = s.fsw & ~FpuState.C1 | flags;
        if (s.result.roundedUp) {
            word |= FpuState.C1;
        }
        if ((flags & ~s.fcw & 0x3F) != 0) {
            word |= FpuState.ES | FpuState.BUSY;
        }
        s.fsw = word;
    }

    static void clearC1(FpuState s) {
        s.fsw &= ~FpuState.C1;
    }

    /** Records a read of an empty register; true when masked. */
    static boolean underflow(FpuState s) {
        clearC1(s);
        return raise(s, FpuState.IE | FpuState.SF);
    }

    /** Records a push onto a register in use; true when masked. */
    static boolean overflow(FpuState s) {
        s.fsw |= FpuState.C1;
        return raise(s, FpuState.IE | FpuState.SF);
    }

    static void pop(FpuState s) {
        s.ftw &= ~(1 << s.top);
        s.top = s.top + 1 & 7;
    }

    static void write(FpuState s, int i, int signExponent, long significand) {
        int register = s.top + i & 7;
        s.signExponent[register] = signExponent;
        s.significand[register] = significand;
        s.ftw |= 1 << register;
    }

    static void writeResult(FpuState s, int i) {
        write(s, i, s.result.signExponent, s.result.significand);
    }

    static void writeIndefinite(FpuState s, int i) {
        write(s, i, INDEFINITE_EXPONENT, INDEFINITE);
    }

    static void read(FpuState s, int i, Unpacked into) {
        int register = s.top + i & 7;
        into.setExtended(s.signExponent[register], s.significand[register]);
    }

    /** Pushes a value, or answers a stack overflow. */
    static void push(FpuState s, int signExponent, long significand) {
        if (reserve(s)) {
            s.top = s.top - 1 & 7;
            write(s, 0, signExponent, significand);
        }
    }

    /** Whether a push finds room; if not the fault is recorded and, when masked, the default NaN pushed. */
    static boolean reserve(FpuState s) {
        if (!s.isEmpty(7)) {
            if (overflow(s)) {
                s.top = s.top - 1 & 7;
                writeIndefinite(s, 0);
            }
            return false;
        }
        clearC1(s);
        return true;
    }

    /** Sets the result to the default NaN and records an invalid operation; true when masked. */
    static boolean invalid(FpuState s) {
        s.result.signExponent = INDEFINITE_EXPONENT;
        s.result.significand = INDEFINITE;
        clearC1(s);
        return raise(s, FpuState.IE);
    }

    /** Sets the result to what a single NaN operand gives, and records IE if it signals; true when to be delivered. */
    static boolean propagate(FpuState s, Unpacked a) {
        return propagate(s, a, a);
    }

    /**
     * Sets the result to what two operands give of which at least one is a NaN or unsupported: of a quiet and a signaling
     * NaN the quiet one, of two alike the one with the larger significand (SDM volume 1, table 4-7). Records IE if an
     * operand signals or is unsupported.
     *
     * @return whether the result is to be delivered
     */
    static boolean propagate(FpuState s, Unpacked a, Unpacked b) {
        if (a.kind == Unpacked.UNSUPPORTED || b.kind == Unpacked.UNSUPPORTED) {
            return invalid(s);
        }
        Unpacked chosen = a;
        if (a.kind < Unpacked.QUIET_NAN) {
            chosen = b;
        } else if (b.kind >= Unpacked.QUIET_NAN) {
            if (a.kind != b.kind) {
                chosen = a.kind == Unpacked.QUIET_NAN ? a : b;
            } else {
                int order = Long.compareUnsigned(a.significand, b.significand);
                chosen = order > 0 || order == 0 && a.sign == 0 ? a : b;
            }
        }
        s.result.signExponent = chosen.sign << 15 | 0x7FFF;
        s.result.significand = chosen.significand | Unpacked.QUIET;
        clearC1(s);
        boolean signaling = a.kind == Unpacked.SIGNALING_NAN || b.kind == Unpacked.SIGNALING_NAN;
        return !signaling || raise(s, FpuState.IE);
    }
}
