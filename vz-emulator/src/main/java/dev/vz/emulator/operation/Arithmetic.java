package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Alu;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP and TEST, in all forms of operands. */
final class Arithmetic {

    private static final int ADD = 0;
    private static final int OR = 1;
    private static final int ADC = 2;
    private static final int SBB = 3;
    private static final int AND = 4;
    private static final int XOR = 6;
    private static final int CMP = 7;
    private static final int TEST = 8;

    private static final Template REGISTERS = new Template(MethodHandles.lookup(), Registers.class);
    private static final Template IMMEDIATE = new Template(MethodHandles.lookup(), RegisterImmediate.class);
    private static final Template FROM_MEMORY = new Template(MethodHandles.lookup(), RegisterMemory.class);
    private static final Template TO_MEMORY = new Template(MethodHandles.lookup(), MemoryRegister.class);
    private static final Template MEMORY_IMMEDIATE = new Template(MethodHandles.lookup(), MemoryImmediate.class);

    private Arithmetic() {}

    static void register(Operations all) {
        Mnemonic[] order = {Mnemonic.ADD, Mnemonic.OR, Mnemonic.ADC, Mnemonic.SBB, Mnemonic.AND, Mnemonic.SUB,
            Mnemonic.XOR, Mnemonic.CMP, Mnemonic.TEST};
        for (int i = 0; i < order.length; i++) {
            int operation = i;
            all.add(order[i], (in, ip, nextIp) -> build(operation, in, ip, nextIp));
        }
    }

    private static Op build(int operation, Instruction in, long ip, long nextIp) {
        OperandKind target = in.form.operands().get(0);
        OperandKind source = in.form.operands().get(1);
        int s = Width.of(target.bytes(in));
        boolean immediate = source.place() == OperandKind.Place.IMMEDIATE;
        if (!in.memory) {
            return (immediate ? IMMEDIATE : REGISTERS).make(in, ip, nextIp, operation, s, 0);
        }
        int addressing = MemoryOp.addressing(in);
        if (target.place() == OperandKind.Place.REG) {
            return FROM_MEMORY.make(in, ip, nextIp, operation, s, addressing);
        }
        if (in.has(Instruction.PREFIX_LOCK)) {
            return new Locked.Binary(in, ip, nextIp, operation, s);
        }
        return (immediate ? MEMORY_IMMEDIATE : TO_MEMORY).make(in, ip, nextIp, operation, s, addressing);
    }

    /** The result, with the flags set. {@code operation} and {@code s} are constants. */
    static long apply(Cpu c, int operation, int s, long a, long b) {
        return switch (operation) {
            case ADD -> Alu.add(c, s, a, b);
            case OR -> Alu.or(c, s, a, b);
            case ADC -> Alu.adc(c, s, a, b);
            case SBB -> Alu.sbb(c, s, a, b);
            case AND, TEST -> Alu.and(c, s, a, b);
            case XOR -> Alu.xor(c, s, a, b);
            default -> Alu.sub(c, s, a, b);
        };
    }

    /** Register with register. */
    static final class Registers extends TemplateOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);

        private int target;
        private int source;

        @Override
        TemplateOp fresh() {
            return new Registers();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            source = Operands.register(in, 1);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long result = apply(c, OPERATION, S, Width.get(r, S, target), Width.get(r, S, source));
            if (OPERATION < CMP) {
                Width.set(r, S, target, result);
            }
            return next;
        }
    }

    /** Register with immediate. */
    static final class RegisterImmediate extends TemplateOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);

        private int target;
        private long immediate;

        @Override
        TemplateOp fresh() {
            return new RegisterImmediate();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            immediate = in.immediate;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long result = apply(c, OPERATION, S, Width.get(r, S, target), immediate);
            if (OPERATION < CMP) {
                Width.set(r, S, target, result);
            }
            return next;
        }
    }

    /** Register with memory. */
    static final class RegisterMemory extends TemplateOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 2);

        private int target;

        @Override
        TemplateOp fresh() {
            return new RegisterMemory();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long b = Width.load(c, S, address(c, ADDRESSING, Width.bytes(S), false));
            long[] r = c.gpr;
            long result = apply(c, OPERATION, S, Width.get(r, S, target), b);
            if (OPERATION < CMP) {
                Width.set(r, S, target, result);
            }
            return next;
        }
    }

    /** Memory with register. */
    static final class MemoryRegister extends ModifyOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 2);

        private int source;

        @Override
        TemplateOp fresh() {
            return new MemoryRegister();
        }

        @Override
        void operands(Instruction in) {
            source = Operands.register(in, 1);
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            boolean store = OPERATION < CMP;
            long linear = address(c, ADDRESSING, Width.bytes(S), store);
            if (store) {
                modify(c, S, linear);
            } else {
                result(c, Width.load(c, S, linear));
            }
            return next;
        }

        @Override
        long result(Cpu c, long a) {
            return apply(c, OPERATION, S, a, Width.get(c.gpr, S, source));
        }
    }

    /** Memory with immediate. */
    static final class MemoryImmediate extends ModifyOp {
        private static final int OPERATION = constant(MethodHandles.lookup(), 0);
        private static final int S = constant(MethodHandles.lookup(), 1);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 2);

        private long immediate;

        @Override
        TemplateOp fresh() {
            return new MemoryImmediate();
        }

        @Override
        void operands(Instruction in) {
            immediate = in.immediate;
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            boolean store = OPERATION < CMP;
            long linear = address(c, ADDRESSING, Width.bytes(S), store);
            if (store) {
                modify(c, S, linear);
            } else {
                result(c, Width.load(c, S, linear));
            }
            return next;
        }

        @Override
        long result(Cpu c, long a) {
            return apply(c, OPERATION, S, a, immediate);
        }
    }
}
