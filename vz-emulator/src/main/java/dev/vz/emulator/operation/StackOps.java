package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.decode.OperandKind.Place;
import dev.vz.emulator.fault.Vector;
import org.jspecify.annotations.Nullable;

/** PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER and LEAVE. */
final class StackOps {

    private StackOps() {}

    static void register(Operations all) {
        all.add(Mnemonic.PUSH, StackOps::push);
        all.add(Mnemonic.POP, StackOps::pop);
        all.add(Mnemonic.PUSHA, (in, ip, nextIp) -> new Access(in, ip, nextIp, StackOps::pushAll));
        all.add(Mnemonic.POPA, (in, ip, nextIp) -> new Access(in, ip, nextIp, StackOps::popAll));
        all.add(Mnemonic.PUSHF, (in, ip, nextIp) -> new Access(in, ip, nextIp, StackOps::pushFlags));
        all.add(Mnemonic.POPF, PopFlags::new);
        all.add(Mnemonic.LEAVE, (in, ip, nextIp) -> new Access(in, ip, nextIp, StackOps::leave));
        all.add(Mnemonic.ENTER, Enter::new);
    }

    // ---- the stack at any width

    private static long linear(Cpu c, long pointer, int size, boolean write) {
        return c.codeSize == 64 ? pointer : Segmentation.linear(c, Segments.SS, pointer & c.stackMask, size, write);
    }

    private static void setPointer(Cpu c, long pointer) {
        long mask = c.stackMask;
        c.gpr[4] = mask == 0xFFFF ? c.gpr[4] & ~mask | pointer & mask : pointer & mask;
    }

    /** Pushes {@code size} bytes. */
    static void push(Cpu c, int size, long value) {
        long pointer = c.gpr[4] - size;
        c.write(linear(c, pointer, size, true), size, value);
        setPointer(c, pointer);
    }

    /** What lies on top, zero-extended. */
    static long peek(Cpu c, int size) {
        return c.read(linear(c, c.gpr[4], size, false), size);
    }

    /** Drops {@code bytes} bytes. */
    static void release(Cpu c, int bytes) {
        setPointer(c, c.gpr[4] + bytes);
    }

    // ---- PUSH and POP

    private static Op push(Instruction in, long ip, long nextIp) {
        OperandKind kind = in.form.operands().get(0);
        if (kind.place() == Place.IMMEDIATE) {
            return new PushImmediate(in, ip, nextIp);
        }
        if (kind.place() == Place.NAMED_SEGMENT) {
            return new PushSegment(in, ip, nextIp, Operands.segment(kind));
        }
        if (in.memory) {
            return new PushMemory(in, ip, nextIp);
        }
        return in.codeSize == 64 && in.operandSize == 8 ? new Push64(in, ip, nextIp) : new PushRegister(in, ip, nextIp);
    }

    private static Op pop(Instruction in, long ip, long nextIp) {
        OperandKind kind = in.form.operands().get(0);
        if (kind.place() == Place.NAMED_SEGMENT) {
            return new PopSegment(in, ip, nextIp, Operands.segment(kind));
        }
        if (in.memory) {
            return new PopMemory(in, ip, nextIp);
        }
        return in.codeSize == 64 && in.operandSize == 8 ? new Pop64(in, ip, nextIp) : new PopRegister(in, ip, nextIp);
    }

    /** An instruction that uses the stack. */
    private abstract static class StackOp extends Op {
        final int size;

        StackOp(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            size = in.operandSize;
        }

        @Override
        public boolean usesStack() {
            return true;
        }
    }

    private static final class Push64 extends StackOp {
        private final int register;

        Push64(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            register = Operands.register(in, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long pointer = r[4] - 8;
            c.writeLong(pointer, r[register]);
            r[4] = pointer;
            return next;
        }
    }

    private static final class Pop64 extends StackOp {
        private final int register;

        Pop64(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            register = Operands.register(in, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long pointer = r[4];
            long value = c.readLong(pointer);
            r[4] = pointer + 8;
            r[register] = value;
            return next;
        }
    }

    private static final class PushRegister extends StackOp {
        private final int register;

        PushRegister(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            register = Operands.register(in, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            push(c, size, c.gpr[register]);
            return next;
        }
    }

    private static final class PopRegister extends StackOp {
        private final int register;

        PopRegister(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            register = Operands.register(in, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long value = peek(c, size);
            release(c, size);
            Width.set(c.gpr, Width.of(size), register, value);
            return next;
        }
    }

    private static final class PushImmediate extends StackOp {
        private final long value;

        PushImmediate(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            value = in.immediate;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            push(c, size, value);
            return next;
        }
    }

    private static final class PushSegment extends StackOp {
        private final int segment;

        PushSegment(Instruction in, long ip, long nextIp, int segment) {
            super(in, ip, nextIp);
            this.segment = segment;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long pointer = c.gpr[4] - size;
            // A 32-bit push of a segment register writes only its 16 bits.
            int written = size == 4 ? 2 : size;
            c.write(linear(c, pointer, size, true), written, c.segmentSelector[segment]);
            setPointer(c, pointer);
            return next;
        }
    }

    private static final class PopSegment extends StackOp {
        private final int segment;

        PopSegment(Instruction in, long ip, long nextIp, int segment) {
            super(in, ip, nextIp);
            this.segment = segment;
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            int selector = (int) c.read(linear(c, c.gpr[4], size, false), 2);
            long old = c.gpr[4];
            long mask = c.stackMask;
            Segmentation.load(c, segment, selector);
            long pointer = old + size;
            c.gpr[4] = mask == 0xFFFF ? old & ~mask | pointer & mask : pointer & mask;
            if (segment == Segments.SS) {
                c.shadow = 1;
                c.attend(Cpu.ATTEND_STEP);
            }
            c.rip = nextIp;
            return null;
        }
    }

    private static final class PushMemory extends RmOp {
        PushMemory(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            push(c, Width.bytes(s), load(c));
            return next;
        }

        @Override
        public boolean usesStack() {
            return true;
        }
    }

    private static final class PopMemory extends RmOp {
        PopMemory(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            int size = Width.bytes(s);
            long value = peek(c, size);
            long old = c.gpr[4];
            release(c, size); // an address that uses rSP counts from the new one
            try {
                store(c, value);
            } catch (RuntimeException e) {
                c.gpr[4] = old;
                throw e;
            }
            return next;
        }
    }

    // ---- the rest

    /** What one of the instructions with only implicit operands does. */
    private interface Action {
        void execute(Cpu c, int size);
    }

    private static final class Access extends StackOp {
        private final Action action;

        Access(Instruction in, long ip, long nextIp, Action action) {
            super(in, ip, nextIp);
            this.action = action;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            action.execute(c, size);
            return next;
        }
    }

    private static void pushAll(Cpu c, int size) {
        long pointer = c.gpr[4];
        for (int i = 7; i >= 0; i--) {
            c.mmu.checkWrite(linear(c, pointer - (8L - i) * size, size, true), size, c.cpl == 3);
        }
        for (int i = 0; i < 8; i++) {
            long at = pointer - (i + 1L) * size;
            c.write(linear(c, at, size, true), size, i == 4 ? pointer : c.gpr[i]);
        }
        setPointer(c, pointer - 8L * size);
    }

    private static void popAll(Cpu c, int size) {
        long pointer = c.gpr[4];
        long[] values = new long[8];
        for (int i = 0; i < 8; i++) {
            values[7 - i] = c.read(linear(c, pointer + (long) i * size, size, false), size);
        }
        for (int i = 0; i < 8; i++) {
            if (i != 4) {
                Width.set(c.gpr, Width.of(size), i, values[i]);
            }
        }
        setPointer(c, pointer + 8L * size);
    }

    private static void pushFlags(Cpu c, int size) {
        int image = Flags.get(c) & ~(Flags.RF | Flags.VM);
        if ((c.flags & Flags.VM) != 0 && (c.flags & Flags.IOPL) != Flags.IOPL) {
            if ((c.cr4 & Modes.CR4_VME) == 0 || size != 2) {
                throw c.raise(Vector.GP);
            }
            image = image & ~Flags.IF | (image & Flags.VIF) >> 10 | Flags.IOPL;
        }
        push(c, size, image);
    }

    private static void leave(Cpu c, int size) {
        long frame = c.gpr[5];
        long value = c.read(linear(c, frame, size, false), size);
        setPointer(c, frame + size);
        Width.set(c.gpr, Width.of(size), 5, value);
    }

    private static final class PopFlags extends StackOp {
        PopFlags(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            int iopl = (c.flags & Flags.IOPL) >> 12;
            boolean virtual = (c.flags & Flags.VM) != 0;
            boolean extended = virtual && iopl < 3;
            if (extended && ((c.cr4 & Modes.CR4_VME) == 0 || size != 2)) {
                throw c.raise(Vector.GP);
            }
            int image = (int) peek(c, size);
            int mask = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT
                    | (size > 2 ? Flags.AC | Flags.ID : 0);
            if (extended) {
                boolean enable = (image & Flags.IF) != 0;
                if ((image & Flags.TF) != 0 || enable && (c.flags & Flags.VIP) != 0) {
                    throw c.raise(Vector.GP);
                }
                c.flags = enable ? c.flags | Flags.VIF : c.flags & ~Flags.VIF;
            } else {
                mask |= c.cpl <= iopl || !c.protectedMode ? Flags.IF : 0;
                mask |= c.cpl == 0 && !virtual ? Flags.IOPL : 0;
            }
            int flags = image & mask | Flags.get(c) & ~mask;
            Flags.setArithmetic(c, flags);
            c.flags = flags & ~(Flags.ARITHMETIC | 2 | (size > 2 ? Flags.RF : 0));
            release(c, size);
            c.flagsLoaded();
            c.rip = nextIp;
            return c.attention == 0 ? c.enter(nextIp) : null;
        }
    }

    private static final class Enter extends StackOp {
        private final int locals;
        private final int level;

        Enter(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            locals = (int) in.immediate & 0xFFFF;
            level = in.immediate2 & 31;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long oldPointer = c.gpr[4];
            try {
                push(c, size, c.gpr[5]);
                long frame = c.gpr[4];
                if (level > 0) {
                    long display = c.gpr[5];
                    for (int i = 1; i < level; i++) {
                        display -= size;
                        push(c, size, c.read(linear(c, display, size, false), size));
                    }
                    push(c, size, frame);
                }
                long pointer = c.gpr[4] - locals;
                c.mmu.checkWrite(linear(c, pointer, size, true), size, c.cpl == 3);
                setPointer(c, pointer);
                Width.set(c.gpr, Width.of(size), 5, frame);
            } catch (RuntimeException e) {
                c.gpr[4] = oldPointer;
                throw e;
            }
            return next;
        }
    }
}
