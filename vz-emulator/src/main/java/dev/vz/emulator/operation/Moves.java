package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.decode.OperandKind.Place;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** MOV between general registers, memory and immediates, MOVZX, MOVSX, MOVSXD and LEA. */
final class Moves {

    private static final Template REGISTERS = new Template(MethodHandles.lookup(), Registers.class);
    private static final Template IMMEDIATE = new Template(MethodHandles.lookup(), RegisterImmediate.class);
    private static final Template LOAD = new Template(MethodHandles.lookup(), Load.class);
    private static final Template STORE = new Template(MethodHandles.lookup(), Store.class);
    private static final Template STORE_IMMEDIATE = new Template(MethodHandles.lookup(), StoreImmediate.class);
    private static final Template EXTEND = new Template(MethodHandles.lookup(), Extend.class);
    private static final Template EXTEND_LOAD = new Template(MethodHandles.lookup(), ExtendLoad.class);
    private static final Template LEA = new Template(MethodHandles.lookup(), Lea.class);

    private Moves() {}

    static void register(Operations all) {
        all.add(Mnemonic.MOV, Moves::mov);
        all.add(Mnemonic.MOVNTI, Moves::mov);
        all.add(Mnemonic.MOVZX, (in, ip, nextIp) -> extend(in, ip, nextIp, false));
        all.add(Mnemonic.MOVSX, (in, ip, nextIp) -> extend(in, ip, nextIp, true));
        all.add(Mnemonic.MOVSXD, (in, ip, nextIp) -> extend(in, ip, nextIp, true));
        all.add(Mnemonic.LEA, (in, ip, nextIp) -> LEA.make(in, ip, nextIp, Operands.width(in, 0),
                in.addressSize == 8 ? MemoryOp.INDEXED : MemoryOp.GENERAL, 0));
    }

    private static Op mov(Instruction in, long ip, long nextIp) {
        OperandKind target = in.form.operands().get(0);
        OperandKind source = in.form.operands().get(1);
        if (target.place() == Place.CONTROL || source.place() == Place.CONTROL || target.place() == Place.DEBUG
                || source.place() == Place.DEBUG) {
            return ControlMoves.build(in, ip, nextIp);
        }
        int s = Width.of(target.bytes(in));
        int addressing = MemoryOp.addressing(in);
        boolean toMemory = target.place() == Place.OFFSET || in.memory && target.place() != Place.REG;
        boolean fromMemory = source.place() == Place.OFFSET || in.memory && source.place() == Place.RM;
        if (source.place() == Place.IMMEDIATE) {
            return (toMemory ? STORE_IMMEDIATE : IMMEDIATE).make(in, ip, nextIp, s, addressing, 0);
        }
        return (toMemory ? STORE : fromMemory ? LOAD : REGISTERS).make(in, ip, nextIp, s, addressing, 0);
    }

    private static Op extend(Instruction in, long ip, long nextIp, boolean signed) {
        int to = Operands.width(in, 0);
        int from = Operands.width(in, 1);
        int sign = signed ? 128 : 0;
        return in.memory ? EXTEND_LOAD.make(in, ip, nextIp, to | sign, from, MemoryOp.addressing(in))
                : EXTEND.make(in, ip, nextIp, to | sign, from, 0);
    }

    /** Register to register. */
    static final class Registers extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);

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
            Width.set(r, S, target, Width.get(r, S, source));
            return next;
        }
    }

    /** Immediate to register. */
    static final class RegisterImmediate extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);

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
            Width.set(c.gpr, S, target, immediate);
            return next;
        }
    }

    /** Memory to register. */
    static final class Load extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);

        private int target;

        @Override
        TemplateOp fresh() {
            return new Load();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = Width.load(c, S, address(c, ADDRESSING, Width.bytes(S), false));
            Width.set(c.gpr, S, target, value);
            return next;
        }
    }

    /** Register to memory. */
    static final class Store extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);

        private int source;

        @Override
        TemplateOp fresh() {
            return new Store();
        }

        @Override
        void operands(Instruction in) {
            source = Operands.register(in, 1);
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            Width.store(c, S, address(c, ADDRESSING, Width.bytes(S), true), Width.get(c.gpr, S, source));
            return next;
        }
    }

    /** Immediate to memory. */
    static final class StoreImmediate extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);

        private long immediate;

        @Override
        TemplateOp fresh() {
            return new StoreImmediate();
        }

        @Override
        void operands(Instruction in) {
            immediate = in.immediate;
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            Width.store(c, S, address(c, ADDRESSING, Width.bytes(S), true), immediate);
            return next;
        }
    }

    static long extend(int from, boolean signed, long value) {
        return signed ? value << from >> from : value << from >>> from;
    }

    /** Register to wider register. */
    static final class Extend extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0) & 127;
        private static final boolean SIGNED = constant(MethodHandles.lookup(), 0) > 127;
        private static final int FROM = constant(MethodHandles.lookup(), 1);

        private int target;
        private int source;

        @Override
        TemplateOp fresh() {
            return new Extend();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            source = Operands.register(in, 1);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            Width.set(r, S, target, extend(FROM, SIGNED, Width.get(r, FROM, source)));
            return next;
        }
    }

    /** Memory to wider register. */
    static final class ExtendLoad extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0) & 127;
        private static final boolean SIGNED = constant(MethodHandles.lookup(), 0) > 127;
        private static final int FROM = constant(MethodHandles.lookup(), 1);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 2);

        private int target;

        @Override
        TemplateOp fresh() {
            return new ExtendLoad();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = Width.load(c, FROM, address(c, ADDRESSING, Width.bytes(FROM), false));
            Width.set(c.gpr, S, target, extend(FROM, SIGNED, value));
            return next;
        }
    }

    /** Address to register. */
    static final class Lea extends TemplateOp {
        private static final int S = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);

        private int target;

        @Override
        TemplateOp fresh() {
            return new Lea();
        }

        @Override
        void operands(Instruction in) {
            target = Operands.register(in, 0);
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = ADDRESSING == GENERAL ? offset(c) : address(c, ADDRESSING, 0, false);
            Width.set(c.gpr, S, target, value);
            return next;
        }
    }
}
