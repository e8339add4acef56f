package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** INC, DEC, NOT and NEG. */
final class UnaryArithmetic {

    private static final int INC = 0;
    private static final int DEC = 1;
    private static final int NOT = 2;

    private static final Template REGISTER = new Template(MethodHandles.lookup(), OfRegister.class);
    private static final Template MEMORY = new Template(MethodHandles.lookup(), OfMemory.class);

    private UnaryArithmetic() {}

    static void register(Operations all) {
        Mnemonic[] order = {Mnemonic.INC, Mnemonic.DEC, Mnemonic.NOT, Mnemonic.NEG};
        for (int i = 0; i < order.length; i++) {
            int operation = i;
            all.add(order[i], (in, ip, nextIp) -> build(operation, in, ip, nextIp));
        }
    }

    private static Op build(int operation, Instruction in, long ip, long nextIp) {
        int s = Operands.width(in, 0);
        if (!in.memory) {
            return REGISTER.make(in, ip, nextIp, operation, s, 0);
        }
        return in.has(Instruction.PREFIX_LOCK) ? new Locked.Unary(in, ip, nextIp, operation)
                : MEMORY.make(in, ip, nextIp, operation, s, MemoryOp.addressing(in));
    }

    static long apply(Cpu c, int operation, int s, long a) {
        return switch (operation) {
            case INC -> Alu.inc(c, s, a);
            case DEC -> Alu.dec(c, s, a);
            case NOT -> ~a;
            default -> Alu.neg(c, s, a);
        };
    }

    /** Of a register. */
    static final class OfRegister extends TemplateOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);

        private int target;

        @Override
        TemplateOp fresh() {
            return new OfRegister();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            Width.set(r, S, target, apply(c, OPERATION, S, Width.get(r, S, target)));
            return next;
        }
    }

    /** Of memory. */
    static final class OfMemory extends ModifyOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 2);

        @Override
        TemplateOp fresh() {
            return new OfMemory();
        }

        @Override
        void operands(Instruction in) {
            memory(in);
        }

        @Override
        long result(Cpu c, long value) {
            return apply(c, OPERATION, S, value);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            modify(c, S, address(c, ADDRESSING, Width.bytes(S), true));
            return next;
        }
    }
}
