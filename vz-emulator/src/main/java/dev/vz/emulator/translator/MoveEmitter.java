package dev.vz.emulator.translator;

import static dev.vz.emulator.translator.Emitter.*;

import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;

/** Writes moves between registers and memory, the stack, and what depends on a condition without branching. */
final class MoveEmitter {

    private static final int RSP = local(4);
    private static final int RBP = local(5);

    private final Emitter e;
    private final CodeBuilder code;
    private final LazyFlags flags;

    MoveEmitter(Emitter e, LazyFlags flags) {
        this.e = e;
        code = e.code;
        this.flags = flags;
    }

    /** MOV and MOVNTI. */
    void mov(Instruction in, long behind) {
        int s = width(in, 0);
        if (isMemory(in, 0)) {
            value(in, 1);
            e.address(in, behind);
            e.store(s);
        } else if (isMemory(in, 1)) {
            e.address(in, behind);
            e.load(s);
            e.set(s, register(in, 0));
        } else {
            value(in, 1);
            e.set(s, register(in, 0));
        }
    }

    private void value(Instruction in, int operand) {
        if (in.form.operands().get(operand).place() == OperandKind.Place.IMMEDIATE) {
            e.constant(in.immediate);
        } else {
            e.get(register(in, operand));
        }
    }

    /** MOVZX, MOVSX and MOVSXD. */
    void extend(Instruction in, long behind) {
        int from = width(in, 1);
        if (isMemory(in, 1)) {
            e.address(in, behind);
            e.load(from);
        } else {
            e.get(register(in, 1));
        }
        if (in.form.mnemonic() != Mnemonic.MOVZX) {
            e.signExtend(from);
        } else if (!isMemory(in, 1)) {
            e.zeroExtend(from);
        }
        e.set(width(in, 0), register(in, 0));
    }

    void lea(Instruction in, long behind) {
        e.offset(in, behind);
        e.set(width(in, 0), register(in, 0));
    }

    /** XCHG of registers. */
    void exchange(Instruction in) {
        if (in.form.operands().get(1) == OperandKind.rAX && in.opcodeRegister == 0) {
            return;
        }
        int s = width(in, 0);
        int first = register(in, 0);
        int second = register(in, 1);
        e.get(first);
        code.lstore(T0);
        e.get(second);
        e.set(s, first);
        code.lload(T0);
        e.set(s, second);
    }

    /** CBW, CWDE and CDQE. */
    void widenAccumulator(Instruction in) {
        int s = 64 - 8 * in.operandSize;
        code.lload(local(0));
        e.signExtend(s + (64 - s) / 2);
        e.set(s, 0);
    }

    /** CWD, CDQ and CQO. */
    void signIntoData(Instruction in) {
        int s = 64 - 8 * in.operandSize;
        code.lload(local(0));
        e.signExtend(s);
        e.constant(63);
        code.lshr();
        e.set(s, 2);
    }

    // ---- the stack, 64 bits

    void push(Instruction in) {
        value(in, 0);
        code.lload(RSP);
        e.constant(8L);
        code.lsub().dup2().lstore(T0);
        e.store(0);
        code.lload(T0).lstore(RSP);
    }

    void pop(Instruction in) {
        code.lload(RSP);
        e.load(0);
        code.lstore(T0);
        moveStack(8);
        code.lload(T0).lstore(local(in.form.operands().getFirst().place() == OperandKind.Place.OPCODE_REGISTER
                ? in.opcodeRegister : in.rm));
    }

    void leave() {
        code.lload(RBP);
        e.load(0);
        code.lstore(T0).lload(RBP).lstore(RSP);
        moveStack(8);
        code.lload(T0).lstore(RBP);
    }

    /** RSP moves. */
    void moveStack(int bytes) {
        code.lload(RSP);
        e.constant((long) bytes);
        code.ladd().lstore(RSP);
    }

    // ---- by condition

    void setByCondition(Instruction in, long behind) {
        Label holds = code.newLabel();
        Label done = code.newLabel();
        flags.jumpIf(in.condition(), holds);
        code.lconst_0().goto_(done);
        code.labelBinding(holds);
        code.lconst_1();
        code.labelBinding(done);
        if (in.memory) {
            e.address(in, behind);
            e.store(56);
        } else {
            e.set(56, register(in, 0));
        }
    }

    void moveByCondition(Instruction in, long behind) {
        int s = width(in, 0);
        if (in.memory) {
            e.address(in, behind);
            e.load(s);
            code.lstore(T0);
        }
        Label holds = code.newLabel();
        Label done = code.newLabel();
        flags.jumpIf(in.condition(), holds);
        e.get(in.reg);
        code.goto_(done);
        code.labelBinding(holds);
        if (in.memory) {
            code.lload(T0);
        } else {
            e.get(in.rm);
        }
        code.labelBinding(done);
        e.set(s, in.reg);
    }
}
