package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/**
 * Writes what a region does with arithmetic flags. As long as it is known what has made them, a condition becomes a
 * comparison of the operands; otherwise {@link FlagWords} finds out when the code runs.
 */
final class LazyFlags {

    /** Nothing is known of what has made the flags. */
    static final int UNKNOWN = -1;
    /** Carries are in place; the sign word need not be the result. */
    static final int EXPLICIT = FlagWords.EXPLICIT;
    /** A logical operation: no carry and no overflow. */
    static final int LOGIC = 1;

    private static final ClassDesc CPU_CLASS = ClassDesc.of("dev.vz.emulator.cpu.Cpu");
    private static final MethodTypeDesc COMPARE_LONGS = MethodTypeDesc.of(ConstantDescs.CD_int, ConstantDescs.CD_long,
            ConstantDescs.CD_long);
    private static final MethodTypeDesc COMPARE_INTS = MethodTypeDesc.of(ConstantDescs.CD_int, ConstantDescs.CD_int,
            ConstantDescs.CD_int);

    private final Emitter e;
    /** {@link #UNKNOWN}, {@link #EXPLICIT}, {@link #LOGIC}, or a maker with its width. */
    int known = UNKNOWN;

    LazyFlags(Emitter e) {
        this.e = e;
    }

    // ---- making

    /** The sign-extended result is on the stack and stays there; operands are in their locals. */
    void made(int maker, int s) {
        result();
        maker(maker | s);
        known = maker | s;
    }

    /** The same after a logical operation. */
    void madeLogic() {
        result();
        e.code.lconst_0().lstore(FIRST);
        maker(EXPLICIT);
        known = LOGIC;
    }

    /** The vector of carries is on the stack, and taken; the result is in {@code local}. */
    void madeExplicit(int local) {
        e.code.lstore(FIRST).lload(local);
        result();
        e.code.pop2();
        maker(EXPLICIT);
        known = EXPLICIT;
    }

    /** The vector of carries is on the stack, and taken; the rest stays. */
    void setCarries() {
        e.code.lstore(FIRST);
        maker(EXPLICIT);
        known = EXPLICIT;
    }

    /** The flags that COMISD and its kin give are in {@link Emitter#COUNT}, in their places in RFLAGS. */
    void ofFloats() {
        for (String word : new String[] {"zero", "sign"}) {
            e.code.iload(COUNT);
            e.flagWord(word, "(I)J");
            e.code.lstore(word.equals("zero") ? ZERO : SIGN);
        }
        e.code.iload(COUNT);
        e.flagWord("carryOnly", "(I)J");
        setCarries();
    }

    private void result() {
        e.code.dup2().lstore(ZERO).dup2().lstore(SIGN);
    }

    private void maker(int value) {
        e.constant(value);
        e.code.istore(MAKER);
    }

    // ---- asking

    private void words() {
        e.code.iload(MAKER).lload(FIRST).lload(SECOND).lload(ZERO);
    }

    /** Pushes the vector of carries. */
    void carries() {
        if (known == EXPLICIT || known == LOGIC) {
            e.code.lload(FIRST);
        } else {
            words();
            e.flagWord("carries", "(IJJJ)J");
        }
    }

    /** Pushes CF as 0 or 1. */
    void carry() {
        words();
        e.flagWord("carry", "(IJJJ)J");
    }

    /** Jumps if condition {@code code} (the low four opcode bits) holds. */
    void jumpIf(int code, Label target) {
        int pair = code >> 1;
        if (pair == 2) {
            zero(code, target);
        } else if (pair == 4) {
            e.code.lload(SIGN).lconst_0().lcmp();
            branchIfNegative(code, target);
        } else if (known == LOGIC) {
            logic(code, target);
        } else if (known >= FlagWords.DIFFERENCE && (pair == 1 || pair == 3 || pair >= 6)) {
            difference(code, known & 63, target);
        } else if (known >= FlagWords.SUM && known < FlagWords.DIFFERENCE && pair == 1) {
            e.code.lload(ZERO).lload(FIRST);
            compareUnsigned(known & 63);
            branchIfNegative(code, target);
        } else if (known == EXPLICIT && pair == 1) {
            e.code.lload(FIRST).lconst_0().lcmp();
            branchIfNegative(code, target);
        } else {
            general(code, target);
        }
    }

    private void branchIfNegative(int code, Label target) {
        if ((code & 1) == 0) {
            e.code.iflt(target);
        } else {
            e.code.ifge(target);
        }
    }

    private void zero(int code, Label target) {
        boolean equal = (code & 1) == 0;
        if (known >= FlagWords.DIFFERENCE) {
            int s = known & 63;
            e.code.lload(FIRST);
            if (s == 0) {
                e.code.lload(SECOND).lcmp();
            } else {
                e.toInt(s);
                e.code.lload(SECOND);
                e.toInt(s);
                if (equal) {
                    e.code.if_icmpeq(target);
                } else {
                    e.code.if_icmpne(target);
                }
                return;
            }
        } else {
            e.code.lload(ZERO).lconst_0().lcmp();
        }
        if (equal) {
            e.code.ifeq(target);
        } else {
            e.code.ifne(target);
        }
    }

    private void logic(int code, Label target) {
        switch (code) {
            case 0, 2 -> {
                // never
            }
            case 1, 3 -> e.code.goto_(target);
            case 6 -> zero(4, target);
            case 7 -> zero(5, target);
            case 12, 13, 14, 15 -> {
                e.code.lload(ZERO).lconst_0().lcmp();
                signed(code, target);
            }
            default -> general(code, target);
        }
    }

    private void signed(int code, Label target) {
        switch (code) {
            case 12 -> e.code.iflt(target);
            case 13 -> e.code.ifge(target);
            case 14 -> e.code.ifle(target);
            default -> e.code.ifgt(target);
        }
    }

    private void difference(int code, int s, Label target) {
        e.code.lload(FIRST);
        if (code < 8) {
            e.code.lload(SECOND);
            compareUnsigned(s);
            switch (code) {
                case 2 -> e.code.iflt(target);
                case 3 -> e.code.ifge(target);
                case 6 -> e.code.ifle(target);
                default -> e.code.ifgt(target);
            }
        } else if (s == 0) {
            e.code.lload(SECOND).lcmp();
            signed(code, target);
        } else {
            e.toInt(s);
            e.code.lload(SECOND);
            e.toInt(s);
            switch (code) {
                case 12 -> e.code.if_icmplt(target);
                case 13 -> e.code.if_icmpge(target);
                case 14 -> e.code.if_icmple(target);
                default -> e.code.if_icmpgt(target);
            }
        }
    }

    /** Pops two longs, pushes how they compare at that width. */
    private void compareUnsigned(int s) {
        if (s == 0) {
            e.code.invokestatic(ConstantDescs.CD_Long, "compareUnsigned", COMPARE_LONGS);
            return;
        }
        e.code.lstore(T3);
        e.toUnsignedInt(s);
        e.code.lload(T3);
        e.toUnsignedInt(s);
        e.code.invokestatic(ConstantDescs.CD_Integer, "compareUnsigned", COMPARE_INTS);
    }

    private void general(int code, Label target) {
        e.constant(code);
        words();
        e.code.lload(SIGN);
        e.flagWord("holds", "(IIJJJJ)Z");
        e.code.ifne(target);
    }

    // ---- to and from the processor

    /** Writes the flags to the processor. */
    void spill() {
        e.code.aload(CPU).lload(ZERO).putfield(CPU_CLASS, "flagZero", ConstantDescs.CD_long);
        e.code.aload(CPU).lload(SIGN).putfield(CPU_CLASS, "flagSign", ConstantDescs.CD_long);
        e.code.aload(CPU);
        carries();
        e.code.putfield(CPU_CLASS, "flagCarry", ConstantDescs.CD_long);
    }

    /** Reads the flags from the processor. */
    void reload() {
        e.code.aload(CPU).getfield(CPU_CLASS, "flagZero", ConstantDescs.CD_long).lstore(ZERO);
        e.code.aload(CPU).getfield(CPU_CLASS, "flagSign", ConstantDescs.CD_long).lstore(SIGN);
        e.code.aload(CPU).getfield(CPU_CLASS, "flagCarry", ConstantDescs.CD_long);
        setCarries();
    }
}
