package dev.vz.emulator.fpu;

/**
 * x87 addition, subtraction, multiplication, division and their reversed and popping forms. Results are rounded to the
 * precision that the control word asks for. In the {@code …Memory} forms the second operand is the one that
 * {@link X87Operand} loaded last; the destination is ST(0).
 *
 * <p>
 * Intel SDM volume 2, FADD/FADDP/FIADD and siblings; volume 1, 8.3.3 and 8.5.
 */
public final class X87Arithmetic {

    private static final int ADD = 0;
    private static final int SUBTRACT = 1;
    private static final int MULTIPLY = 2;
    private static final int DIVIDE = 3;

    private X87Arithmetic() {}

    /** ST(destination) = ST(destination) + ST(source). */
    public static void fadd(FpuState s, int destination, int source) {
        binary(s, ADD, destination, source, false, false);
    }

    /** ST(i) = ST(i) + ST(0), then pop. */
    public static void faddp(FpuState s, int i) {
        binary(s, ADD, i, 0, false, true);
    }

    /** ST(0) = ST(0) + operand: FADD m32/m64, FIADD. */
    public static void faddMemory(FpuState s) {
        memory(s, ADD, false);
    }

    /** ST(destination) = ST(destination) - ST(source). */
    public static void fsub(FpuState s, int destination, int source) {
        binary(s, SUBTRACT, destination, source, false, false);
    }

    /** ST(i) = ST(i) - ST(0), then pop. */
    public static void fsubp(FpuState s, int i) {
        binary(s, SUBTRACT, i, 0, false, true);
    }

    /** ST(0) = ST(0) - operand: FSUB m32/m64, FISUB. */
    public static void fsubMemory(FpuState s) {
        memory(s, SUBTRACT, false);
    }

    /** ST(destination) = ST(source) - ST(destination). */
    public static void fsubr(FpuState s, int destination, int source) {
        binary(s, SUBTRACT, destination, source, true, false);
    }

    /** ST(i) = ST(0) - ST(i), then pop. */
    public static void fsubrp(FpuState s, int i) {
        binary(s, SUBTRACT, i, 0, true, true);
    }

    /** ST(0) = operand - ST(0): FSUBR m32/m64, FISUBR. */
    public static void fsubrMemory(FpuState s) {
        memory(s, SUBTRACT, true);
    }

    /** ST(destination) = ST(destination) * ST(source). */
    public static void fmul(FpuState s, int destination, int source) {
        binary(s, MULTIPLY, destination, source, false, false);
    }

    /** ST(i) = ST(i) * ST(0), then pop. */
    public static void fmulp(FpuState s, int i) {
        binary(s, MULTIPLY, i, 0, false, true);
    }

    /** ST(0) = ST(0) * operand: FMUL m32/m64, FIMUL. */
    public static void fmulMemory(FpuState s) {
        memory(s, MULTIPLY, false);
    }

    /** ST(destination) = ST(destination) / ST(source). */
    public static void fdiv(FpuState s, int destination, int source) {
        binary(s, DIVIDE, destination, source, false, false);
    }

    /** ST(i) = ST(i) / ST(0), then pop. */
    public static void fdivp(FpuState s, int i) {
        binary(s, DIVIDE, i, 0, false, true);
    }

    /** ST(0) = ST(0) / operand: FDIV m32/m64, FIDIV. */
    public static void fdivMemory(FpuState s) {
        memory(s, DIVIDE, false);
    }

    /** ST(destination) = ST(source) / ST(destination). */
    public static void fdivr(FpuState s, int destination, int source) {
        binary(s, DIVIDE, destination, source, true, false);
    }

    /** ST(i) = ST(0) / ST(i), then pop. */
    public static void fdivrp(FpuState s, int i) {
        binary(s, DIVIDE, i, 0, true, true);
    }

    /** ST(0) = operand / ST(0): FDIVR m32/m64, FIDIVR. */
    public static void fdivrMemory(FpuState s) {
        memory(s, DIVIDE, true);
    }

    private static void binary(FpuState s, int operation, int destination, int source, boolean reverse, boolean pop) {
        if (s.isEmpty(destination) || s.isEmpty(source)) {
            if (!X87Stack.underflow(s)) {
                return;
            }
            X87Stack.writeIndefinite(s, destination);
        } else {
            X87Stack.read(s, destination, s.first);
            X87Stack.read(s, source, s.second);
            boolean delivered = reverse
                    ? compute(s, operation, s.second, s.first)
                    : compute(s, operation, s.first, s.second);
            if (!delivered) {
                return;
            }
            X87Stack.writeResult(s, destination);
        }
        if (pop) {
            X87Stack.pop(s);
        }
    }

    private static void memory(FpuState s, int operation, boolean reverse) {
        if (s.isEmpty(0)) {
            if (X87Stack.underflow(s)) {
                X87Stack.writeIndefinite(s, 0);
            }
            return;
        }
        X87Stack.read(s, 0, s.first);
        boolean delivered = reverse
                ? compute(s, operation, s.second, s.first)
                : compute(s, operation, s.first, s.second);
        if (delivered) {
            X87Stack.writeResult(s, 0);
        }
    }

    /** Leaves the rounded result in {@code s.result}; false when an unmasked exception withholds it. */
    private static boolean compute(FpuState s, int operation, Unpacked a, Unpacked b) {
        SoftFloat r = s.result;
        if (a.kind != Unpacked.NORMAL || b.kind != Unpacked.NORMAL) {
            if (a.isUnordered() || b.isUnordered()) {
                return X87Stack.propagate(s, a, b);
            }
            if (isInvalid(operation, a, b)) {
                return X87Stack.invalid(s);
            }
            X87Stack.clearC1(s);
            if (operation == DIVIDE && b.kind == Unpacked.ZERO && a.kind != Unpacked.INFINITY
                    && !X87Stack.raise(s, FpuState.ZE)) {
                return false;
            }
            boolean denormal = a.kind == Unpacked.DENORMAL || b.kind == Unpacked.DENORMAL;
            if (denormal && !(operation == DIVIDE && b.kind == Unpacked.ZERO) && !X87Stack.raise(s, FpuState.DE)) {
                return false;
            }
            if (special(s, operation, a, b)) {
                return true;
            }
        }
        switch (operation) {
            case ADD -> r.add(a, b, b.sign);
            case SUBTRACT -> r.add(a, b, b.sign ^ 1);
            case MULTIPLY -> r.multiply(a, b);
            default -> r.divide(a, b);
        }
        if (r.high == 0) {
            r.sign = X87Stack.roundingMode(s) == SoftFloat.DOWN ? 1 : 0;
        }
        r.roundExtended(X87Stack.precision(s), X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
        return true;
    }

    private static boolean isInvalid(int operation, Unpacked a, Unpacked b) {
        boolean bothInfinite = a.kind == Unpacked.INFINITY && b.kind == Unpacked.INFINITY;
        return switch (operation) {
            case ADD -> bothInfinite && a.sign != b.sign;
            case SUBTRACT -> bothInfinite && a.sign == b.sign;
            case MULTIPLY -> a.kind == Unpacked.INFINITY && b.kind == Unpacked.ZERO
                    || a.kind == Unpacked.ZERO && b.kind == Unpacked.INFINITY;
            default -> bothInfinite || a.kind == Unpacked.ZERO && b.kind == Unpacked.ZERO;
        };
    }

    /** Handles operands of zero and infinity; true when the result is there. */
    private static boolean special(FpuState s, int operation, Unpacked a, Unpacked b) {
        boolean infiniteA = a.kind == Unpacked.INFINITY;
        boolean infiniteB = b.kind == Unpacked.INFINITY;
        boolean zeroA = a.kind == Unpacked.ZERO;
        boolean zeroB = b.kind == Unpacked.ZERO;
        if (!infiniteA && !infiniteB && !zeroA && !zeroB) {
            return false;
        }
        if (operation == MULTIPLY || operation == DIVIDE) {
            boolean infinite = operation == MULTIPLY ? infiniteA || infiniteB : infiniteA || zeroB;
            deliver(s, a.sign ^ b.sign, infinite);
            return true;
        }
        int signB = operation == SUBTRACT ? b.sign ^ 1 : b.sign;
        if (infiniteA || infiniteB) {
            deliver(s, infiniteA ? a.sign : signB, true);
            return true;
        }
        if (zeroA && zeroB) {
            int different = X87Stack.roundingMode(s) == SoftFloat.DOWN ? 1 : 0;
            deliver(s, a.sign == signB ? a.sign : different, false);
            return true;
        }
        s.result.set(zeroA ? b : a);
        s.result.sign = zeroA ? signB : a.sign;
        s.result.roundExtended(X87Stack.precision(s), X87Stack.roundingMode(s), s.fcw);
        X87Stack.conclude(s);
        return true;
    }

    private static void deliver(FpuState s, int sign, boolean infinite) {
        s.result.signExponent = sign << 15 | (infinite ? 0x7FFF : 0);
        s.result.significand = infinite ? Long.MIN_VALUE : 0;
    }
}
