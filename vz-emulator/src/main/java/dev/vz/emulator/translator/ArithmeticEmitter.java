package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/** Writes integer arithmetic and logic. {@code live} says whether anything can ask for the flags afterwards. */
final class ArithmeticEmitter {

    private static final ClassDesc MATH = ClassDesc.of("java.lang.Math");
    private static final MethodTypeDesc OF_LONGS = MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_long,
            ConstantDescs.CD_long);

    private final Emitter e;
    private final CodeBuilder code;
    private final LazyFlags flags;

    ArithmeticEmitter(Emitter e, LazyFlags flags) {
        this.e = e;
        code = e.code;
        this.flags = flags;
    }

    // ---- operands

    /** Brings operand 0 into {@code T0}; if it is memory that will be written, its host address into {@code T1}. */
    void fetchTarget(Instruction in, long behind, int s, boolean written) {
        if (!isMemory(in, 0)) {
            e.get(register(in, 0));
        } else {
            e.address(in, behind);
            if (written) {
                e.place(s);
                code.dup2().lstore(T1);
                e.getHost(s);
            } else {
                e.load(s);
            }
        }
        code.lstore(T0);
    }

    /** Pops the new value of operand 0. */
    void putTarget(Instruction in, int s) {
        if (isMemory(in, 0)) {
            code.lstore(T3).lload(T1).lload(T3);
            e.putHost(s);
        } else {
            e.set(s, register(in, 0));
        }
    }

    // ---- ADD to TEST

    void binary(Instruction in, long behind, boolean live) {
        Mnemonic operation = in.form.mnemonic();
        int s = width(in, 0);
        boolean stores = operation != Mnemonic.CMP && operation != Mnemonic.TEST;
        boolean immediate = in.form.operands().get(1).place() == OperandKind.Place.IMMEDIATE;
        fetchTarget(in, behind, s, stores);
        if (!immediate && isMemory(in, 1)) {
            e.address(in, behind);
            e.load(s);
            code.lstore(T1);
        }
        if (!stores && !live) {
            return;
        }
        boolean withCarry = operation == Mnemonic.ADC || operation == Mnemonic.SBB;
        if (withCarry) {
            flags.carry();
            code.lstore(T2);
        }
        boolean adds = operation == Mnemonic.ADD || operation == Mnemonic.ADC;
        boolean subtracts = operation == Mnemonic.SUB || operation == Mnemonic.SBB || operation == Mnemonic.CMP;
        boolean operands = live && (adds || subtracts);
        code.lload(T0);
        if (operands) {
            code.dup2().lstore(FIRST);
        }
        source(in, immediate);
        if (operands) {
            code.dup2().lstore(SECOND);
        }
        switch (operation) {
            case ADD, ADC -> code.ladd();
            case SUB, SBB, CMP -> code.lsub();
            case OR -> code.lor();
            case XOR -> code.lxor();
            default -> code.land();
        }
        if (withCarry) {
            code.lload(T2);
            if (adds) {
                code.ladd();
            } else {
                code.lsub();
            }
        }
        if (live) {
            e.signExtend(s);
            if (operands) {
                flags.made(adds ? FlagWords.SUM : FlagWords.DIFFERENCE, s);
            } else {
                flags.madeLogic();
            }
            if (withCarry) {
                flags.known = LazyFlags.UNKNOWN; // operands do not tell how they compare: the carry counts, too
            }
        }
        if (stores) {
            putTarget(in, s);
        } else {
            code.pop2();
        }
    }

    private void source(Instruction in, boolean immediate) {
        if (immediate) {
            e.constant(in.immediate);
        } else if (isMemory(in, 1)) {
            code.lload(T1);
        } else {
            e.get(register(in, 1));
        }
    }

    // ---- one operand

    void unary(Instruction in, long behind, boolean live) {
        int s = width(in, 0);
        fetchTarget(in, behind, s, true);
        switch (in.form.mnemonic()) {
            case NOT -> {
                code.lload(T0);
                e.constant(-1L);
                code.lxor();
            }
            case NEG -> {
                code.lconst_0();
                if (live) {
                    code.dup2().lstore(FIRST).lload(T0).dup2().lstore(SECOND).lsub();
                    e.signExtend(s);
                    flags.made(FlagWords.DIFFERENCE, s);
                } else {
                    code.lload(T0).lsub();
                }
            }
            default -> step(in.form.mnemonic() == Mnemonic.INC, s, live);
        }
        putTarget(in, s);
    }

    private void step(boolean up, int s, boolean live) {
        code.lload(T0).lconst_1();
        if (up) {
            code.ladd();
        } else {
            code.lsub();
        }
        if (live) {
            e.signExtend(s);
            code.lstore(T3);
            e.constant(s);
            code.lload(T0).lload(T3);
            flags.carries();
            e.flagWord(up ? "increment" : "decrement", "(IJJJ)J");
            flags.madeExplicit(T3);
            code.lload(T3);
        }
    }

    // ---- multiplication

    /** IMUL with two or three operands. */
    void truncatedProduct(Instruction in, long behind, boolean live) {
        int s = width(in, 0);
        if (in.memory) {
            e.address(in, behind);
            e.load(s);
        } else {
            e.get(in.rm);
        }
        e.signExtend(s);
        code.lstore(T0);
        if (in.form.operands().size() == 3) {
            e.constant(in.immediate);
        } else {
            e.get(in.reg);
        }
        e.signExtend(s);
        code.lstore(T1);
        code.lload(T0).lload(T1).lmul().lstore(T2);
        if (live) {
            code.lload(T2);
            e.signExtend(s);
            code.lstore(T3);
            if (s == 0) {
                code.lload(T0).lload(T1).lload(T2);
                e.flagWord("signedProduct", "(JJJ)J");
            } else {
                code.lload(T3).lload(T2);
                e.flagWord("differ", "(JJ)J");
            }
            flags.madeExplicit(T3);
        }
        code.lload(T2);
        e.set(s, in.reg);
    }

    /** MUL and IMUL with one operand. */
    void wholeProduct(Instruction in, long behind, boolean live) {
        int s = width(in, 0);
        boolean signed = in.form.mnemonic() == Mnemonic.IMUL;
        fetchTarget(in, behind, s, false);
        if (s == 0) {
            code.lload(T0).lload(local(0)).lmul().lstore(T2);
            code.lload(T0).lload(local(0));
            code.invokestatic(MATH, signed ? "multiplyHigh" : "unsignedMultiplyHigh", OF_LONGS);
            code.lstore(local(2)).lload(T2).lstore(local(0));
            if (live) {
                code.lload(local(2));
                if (signed) {
                    code.lload(T2);
                    e.constant(63);
                    code.lshr();
                } else {
                    code.lconst_0();
                }
                e.flagWord("differ", "(JJ)J");
                flags.madeExplicit(T2);
            }
            return;
        }
        code.lload(T0);
        extend(signed, s);
        code.lload(local(0));
        extend(signed, s);
        code.lmul().lstore(T2);
        if (s == 56) {
            code.lload(T2);
            e.set(48, 0);
        } else {
            code.lload(T2);
            e.set(s, 0);
            code.lload(T2);
            e.constant(64 - s);
            code.lshr();
            e.set(s, 2);
        }
        if (live) {
            code.lload(T2);
            e.signExtend(s);
            code.lstore(T3);
            code.lload(T2);
            extend(signed, s);
            code.lload(T2);
            e.flagWord("differ", "(JJ)J");
            flags.madeExplicit(T3);
        }
    }

    private void extend(boolean signed, int s) {
        if (signed) {
            e.signExtend(s);
        } else {
            e.zeroExtend(s);
        }
    }
}
