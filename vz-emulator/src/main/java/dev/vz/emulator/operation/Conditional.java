package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Condition;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** Jcc, SETcc and CMOVcc. */
final class Conditional {

    private static final Template JUMP = new Template(MethodHandles.lookup(), Jump.class);
    private static final Template SET = new Template(MethodHandles.lookup(), Set.class);
    private static final Template MOVE = new Template(MethodHandles.lookup(), Move.class);

    private Conditional() {}

    static void register(Operations all) {
        all.add(Mnemonic.JCC, (in, ip, nextIp) -> JUMP.make(in, ip, nextIp, in.condition(), 0, 0));
        all.add(Mnemonic.SETCC, (in, ip, nextIp) -> in.memory ? new SetMemory(in, ip, nextIp)
                : SET.make(in, ip, nextIp, in.condition(), 0, 0));
        all.add(Mnemonic.CMOVCC, (in, ip, nextIp) -> in.memory ? new MoveMemory(in, ip, nextIp)
                : MOVE.make(in, ip, nextIp, in.condition(), Operands.width(in, 0), 0));
    }

    /** Jcc. */
    static final class Jump extends BranchOp {
        private static final int CONDITION = constant(MethodHandles.lookup(), 0);

        @Override
        TemplateOp fresh() {
            return new Jump();
        }

        @Override
        void operands(Instruction in) {
            target = relative(nextIp, in.immediate, in.codeSize, in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            return Condition.holds(c, CONDITION) ? taken(c) : notTaken(c);
        }
    }

    /** SETcc of a register. */
    static final class Set extends TemplateOp {
        private static final int CONDITION = constant(MethodHandles.lookup(), 0);

        private int register;

        @Override
        TemplateOp fresh() {
            return new Set();
        }

        @Override
        void operands(Instruction in) {
            register = Operands.register(in, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            Width.set(c.gpr, Width.BYTE, register, Condition.holds(c, CONDITION) ? 1 : 0);
            return next;
        }
    }

    /** SETcc of memory. */
    private static final class SetMemory extends RmOp {
        private final int condition;

        SetMemory(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
            condition = in.condition();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            store(c, Condition.holds(c, condition) ? 1 : 0);
            return next;
        }
    }

    /** CMOVcc of a register. 32 bits are extended even if the condition fails. */
    static final class Move extends TemplateOp {
        private static final int CONDITION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);

        private int target;
        private int source;

        @Override
        TemplateOp fresh() {
            return new Move();
        }

        @Override
        void operands(Instruction in) {
            target = in.reg;
            source = in.rm;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            Width.set(r, S, target, Condition.holds(c, CONDITION) ? r[source] : r[target]);
            return next;
        }
    }

    /** CMOVcc of memory, which is read even if the condition fails. */
    private static final class MoveMemory extends RmOp {
        private final int condition;
        private final int target;

        MoveMemory(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
            condition = in.condition();
            target = in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = load(c);
            Width.set(c.gpr, s, target, Condition.holds(c, condition) ? value : c.gpr[target]);
            return next;
        }
    }
}
