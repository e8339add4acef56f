package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/** Writes shifts, rotations and instructions on single bits. */
final class ShiftEmitter {

    private static final MethodTypeDesc OF_LONG = MethodTypeDesc.of(ConstantDescs.CD_long, ConstantDescs.CD_long);
    private static final MethodTypeDesc COUNT_BITS = MethodTypeDesc.of(ConstantDescs.CD_int, ConstantDescs.CD_long);
    private static final MethodTypeDesc OF_INT = MethodTypeDesc.of(ConstantDescs.CD_int, ConstantDescs.CD_int);

    private final Emitter e;
    private final CodeBuilder code;
    private final LazyFlags flags;
    private final ArithmeticEmitter operands;

    ShiftEmitter(Emitter e, LazyFlags flags, ArithmeticEmitter operands) {
        this.e = e;
        code = e.code;
        this.flags = flags;
        this.operands = operands;
    }

    /** SHL, SHR, SAR, ROL and ROR. */
    void shift(Instruction in, long behind, boolean live) {
        int s = width(in, 0);
        operands.fetchTarget(in, behind, s, true);
        if (in.form.operands().get(1) != OperandKind.CL) {
            int n = Effects.shiftCount(in);
            e.constant(n);
            code.istore(COUNT);
            if (n == 0) {
                code.lload(T0);
            } else {
                shift(in.form.mnemonic(), s, live);
            }
            operands.putTarget(in, s);
            return;
        }
        Label nothing = code.newLabel();
        Label done = code.newLabel();
        code.lload(local(1)).l2i();
        e.constant(s == 0 ? 63 : 31);
        code.iand().dup().istore(COUNT).ifeq(nothing);
        if (live) {
            // What made the flags so far counts on the other path only.
            int before = flags.known;
            shift(in.form.mnemonic(), s, true);
            flags.known = before;
        } else {
            shift(in.form.mnemonic(), s, false);
        }
        code.goto_(done);
        code.labelBinding(nothing);
        code.lload(T0);
        code.labelBinding(done);
        operands.putTarget(in, s);
        if (live) {
            flags.known = LazyFlags.UNKNOWN;
        }
    }

    /** Pushes the result of shifting {@code T0} by {@code COUNT}, which is not 0. */
    private void shift(Mnemonic operation, int s, boolean live) {
        switch (operation) {
            case ROL, ROR -> rotate(operation == Mnemonic.ROL, s, live);
            case SHL -> {
                code.lload(T0).iload(COUNT).lshl();
                if (live) {
                    made("shl", s, true);
                }
            }
            case SHR -> {
                code.lload(T0);
                e.zeroExtend(s);
                code.iload(COUNT).lushr();
                if (live) {
                    made("shr", s, true);
                }
            }
            default -> {
                code.lload(T0);
                e.signExtend(s);
                code.iload(COUNT).lshr();
                if (live) {
                    made("sar", s, false);
                }
            }
        }
    }

    /** The result is on the stack and stays there. */
    private void made(String name, int s, boolean withResult) {
        e.signExtend(s);
        code.lstore(T3);
        e.constant(s);
        code.lload(T0).iload(COUNT);
        if (withResult) {
            code.lload(T3);
        }
        e.flagWord(name, withResult ? "(IJIJ)J" : "(IJI)J");
        flags.madeExplicit(T3);
        code.lload(T3);
    }

    private void rotate(boolean left, int s, boolean live) {
        if (s == 0) {
            code.lload(T0).iload(COUNT);
            code.invokestatic(ConstantDescs.CD_Long, left ? "rotateLeft" : "rotateRight",
                    MethodTypeDesc.ofDescriptor("(JI)J"));
        } else if (s == 32) {
            code.lload(T0).l2i().iload(COUNT);
            code.invokestatic(ConstantDescs.CD_Integer, left ? "rotateLeft" : "rotateRight",
                    MethodTypeDesc.ofDescriptor("(II)I"));
            code.i2l();
        } else {
            e.constant(s);
            code.lload(T0);
            if (!left) {
                e.constant(64 - s);
            }
            code.iload(COUNT);
            if (!left) {
                code.isub();
            }
            e.flagWord("rotateLeft", "(IJI)J");
        }
        if (live) {
            code.lstore(T3);
            flags.carries();
            code.lstore(T2);
            e.constant(s);
            code.lload(T3).lload(T2);
            e.flagWord(left ? "rol" : "ror", "(IJJ)J");
            flags.setCarries();
            code.lload(T3);
        }
    }

    /** BT with a register. */
    void bitTest(Instruction in, boolean live) {
        if (!live) {
            return;
        }
        int s = width(in, 0);
        code.lload(local(in.rm));
        if (in.form.operands().get(1) == OperandKind.Ib) {
            e.constant((int) in.immediate & 63 - s);
        } else {
            code.lload(local(in.reg)).l2i();
            e.constant(63 - s);
            code.iand();
        }
        code.lushr().lstore(T0).lload(T0);
        flags.carries();
        e.flagWord("withCarry", "(JJ)J");
        flags.setCarries();
    }

    /** BSF and BSR. */
    void scan(Instruction in, long behind, boolean live) {
        int s = width(in, 0);
        Label zero = code.newLabel();
        if (in.memory) {
            e.address(in, behind);
            e.load(s);
        } else {
            e.get(in.rm);
            e.zeroExtend(s);
        }
        code.dup2().lstore(T0).lconst_0().lcmp().ifeq(zero);
        if (in.form.mnemonic() == Mnemonic.BSR) {
            e.constant(63);
            code.lload(T0).invokestatic(ConstantDescs.CD_Long, "numberOfLeadingZeros", COUNT_BITS).isub();
        } else {
            code.lload(T0).invokestatic(ConstantDescs.CD_Long, "numberOfTrailingZeros", COUNT_BITS);
        }
        code.i2l();
        e.set(s, in.reg);
        code.labelBinding(zero);
        if (live) {
            flags.carries();
            flags.setCarries();
            code.lload(T0).lstore(ZERO);
        }
    }

    void byteSwap(Instruction in) {
        int local = local(in.opcodeRegister);
        code.lload(local);
        switch (in.operandSize) {
            case 8 -> code.invokestatic(ConstantDescs.CD_Long, "reverseBytes", OF_LONG);
            case 4 -> {
                code.l2i().invokestatic(ConstantDescs.CD_Integer, "reverseBytes", OF_INT).i2l();
                e.zeroExtend(32);
            }
            default -> {
                e.constant(~0xFFFFL);
                code.land();
            }
        }
        code.lstore(local);
    }
}
