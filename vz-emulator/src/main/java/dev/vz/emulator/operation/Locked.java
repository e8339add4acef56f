package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.OperandKind;

/** Arithmetic with the LOCK prefix. */
final class Locked {

    private Locked() {}

    /** ADD, OR, ADC, SBB, AND, SUB, XOR to memory. */
    static final class Binary extends RmModify {
        private final int operation;
        private final boolean immediate;
        private final int source;
        private final long value;

        Binary(Instruction in, long ip, long nextIp, int operation, int s) {
            super(in, ip, nextIp, true);
            this.operation = operation;
            immediate = in.form.operands().get(1).place() == OperandKind.Place.IMMEDIATE;
            source = immediate ? 0 : Operands.register(in, 1);
            value = in.immediate;
        }

        @Override
        long result(Cpu c, long a) {
            return Arithmetic.apply(c, operation, s, a, immediate ? value : Width.get(c.gpr, s, source));
        }
    }

    /** INC, DEC, NOT, NEG of memory. */
    static final class Unary extends RmModify {
        private final int operation;

        Unary(Instruction in, long ip, long nextIp, int operation) {
            super(in, ip, nextIp, true);
            this.operation = operation;
        }

        @Override
        long result(Cpu c, long a) {
            return UnaryArithmetic.apply(c, operation, s, a);
        }
    }
}
