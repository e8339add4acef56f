package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Delivery;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.cpu.Targets;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.fault.Vector;
import org.jspecify.annotations.Nullable;

/** Near jumps, calls and returns, loops, software interrupts, and instructions that do nothing. */
final class Flow {

    private Flow() {}

    static void register(Operations all) {
        all.add(Mnemonic.JMP, (in, ip, nextIp) -> in.form.operands().get(0) == OperandKind.Ev
                ? new IndirectJump(in, ip, nextIp) : new Jump(in, ip, nextIp));
        all.add(Mnemonic.CALL, (in, ip, nextIp) -> in.form.operands().get(0) == OperandKind.Ev
                ? new IndirectCall(in, ip, nextIp) : in.codeSize == 64 ? new Call64(in, ip, nextIp)
                        : new Call(in, ip, nextIp));
        all.add(Mnemonic.RET, (in, ip, nextIp) -> in.codeSize == 64 ? new Return64(in, ip, nextIp)
                : new Return(in, ip, nextIp));
        for (Mnemonic loop : new Mnemonic[] {Mnemonic.LOOP, Mnemonic.LOOPE, Mnemonic.LOOPNE, Mnemonic.JRCXZ}) {
            all.add(loop, Loop::new);
        }
        for (Mnemonic nothing : new Mnemonic[] {Mnemonic.HINT, Mnemonic.ENDBR32, Mnemonic.ENDBR64,
            Mnemonic.PREFETCHW, Mnemonic.PREFETCHNTA, Mnemonic.PREFETCHT0, Mnemonic.PREFETCHT1, Mnemonic.PREFETCHT2}) {
            all.add(nothing, (in, ip, nextIp) -> new Nothing(ip, nextIp));
        }
        all.add(Mnemonic.PAUSE, (in, ip, nextIp) -> new Pause(ip, nextIp));
        all.add(Mnemonic.INT3, (in, ip, nextIp) -> new Interrupt(ip, nextIp, Vector.BP,
                Delivery.SOFTWARE_EXCEPTION));
        all.add(Mnemonic.INT, (in, ip, nextIp) -> new Interrupt(ip, nextIp, (int) in.immediate & 0xFF,
                Delivery.SOFTWARE));
        all.add(Mnemonic.INT1, (in, ip, nextIp) -> new Interrupt(ip, nextIp, Vector.DB, Delivery.EXCEPTION));
        all.add(Mnemonic.INTO, (in, ip, nextIp) -> new Interrupt(ip, nextIp, Vector.OF,
                Delivery.SOFTWARE_EXCEPTION));
        for (Mnemonic undefined : new Mnemonic[] {Mnemonic.UD0, Mnemonic.UD1, Mnemonic.UD2, Mnemonic.RSM}) {
            all.add(undefined, (in, ip, nextIp) -> new Raise(Vector.UD, ip));
        }
        all.add(Mnemonic.BOUND, Bound::new);
    }

    /** Checks a near target outside 64-bit mode, where it must be inside the code segment. */
    static void checkTarget(Cpu c, long target) {
        if (c.codeSize == 64) {
            if (target << 16 >> 16 != target) {
                throw c.raise(Vector.GP);
            }
        } else if (Long.compareUnsigned(target, c.segmentLimit[Segments.CS] & 0xFFFF_FFFFL) > 0) {
            throw c.raise(Vector.GP);
        }
    }

    /** Does nothing. */
    static final class Nothing extends Op {
        Nothing(long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            return next;
        }
    }

    /** PAUSE: lets other threads of the host go on. */
    private static final class Pause extends Op {
        Pause(long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (!c.alone) {
                Thread.onSpinWait();
            }
            return next;
        }
    }

    /** Raises an exception. */
    static final class Raise extends Op {
        private final int vector;

        Raise(int vector, long ip) {
            this.vector = vector;
            this.ip = ip;
            nextIp = ip;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            throw c.raise(vector);
        }

        @Override
        public boolean endsBlock() {
            return true;
        }
    }

    /** Goes on behind a block that was cut off. */
    static final class Proceed extends BranchOp {
        Proceed(long target) {
            this.target = target;
            ip = target;
            nextIp = target;
        }

        @Override
        TemplateOp fresh() {
            return new Proceed(target);
        }

        @Override
        void operands(Instruction in) {}

        @Override
        public @Nullable Op execute(Cpu c) {
            return taken(c);
        }
    }

    /** JMP rel. */
    private static final class Jump extends BranchOp {
        Jump(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            operands(in);
        }

        @Override
        TemplateOp fresh() {
            throw new IllegalStateException("JMP has no variants");
        }

        @Override
        void operands(Instruction in) {
            target = relative(nextIp, in.immediate, in.codeSize, in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            return taken(c);
        }
    }

    /** JMP r/m. */
    private static final class IndirectJump extends RmOp {
        private final Targets targets = new Targets();

        IndirectJump(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public long[] targets() {
            return targets.toArray();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long target = Width.zeroExtend(s, load(c));
            checkTarget(c, target);
            targets.note(target);
            return c.enter(target);
        }
    }

    /** CALL rel in 64-bit mode. */
    private static final class Call64 extends BranchOp {
        Call64(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            operands(in);
        }

        @Override
        TemplateOp fresh() {
            throw new IllegalStateException("CALL has no variants");
        }

        @Override
        void operands(Instruction in) {
            segment = Segments.SS;
            target = nextIp + in.immediate;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long pointer = r[4] - 8;
            c.writeLong(pointer, nextIp);
            r[4] = pointer;
            return taken(c);
        }
    }

    /** CALL rel outside 64-bit mode. */
    private static final class Call extends BranchOp {
        private final int size;

        Call(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            size = in.operandSize;
            operands(in);
        }

        @Override
        TemplateOp fresh() {
            throw new IllegalStateException("CALL has no variants");
        }

        @Override
        void operands(Instruction in) {
            target = relative(nextIp, in.immediate, in.codeSize, in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            checkTarget(c, target);
            StackOps.push(c, size, nextIp);
            return taken(c);
        }
    }

    /** CALL r/m. */
    private static final class IndirectCall extends RmOp {
        private final Targets targets = new Targets();

        IndirectCall(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public long[] targets() {
            return targets.toArray();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long target = Width.zeroExtend(s, load(c));
            checkTarget(c, target);
            targets.note(target);
            StackOps.push(c, Width.bytes(s), nextIp);
            return c.enter(target);
        }
    }

    /** RET in 64-bit mode. */
    private static final class Return64 extends Op {
        private final int extra;

        Return64(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            extra = 8 + ((int) in.immediate & 0xFFFF);
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public boolean usesStack() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] r = c.gpr;
            long pointer = r[4];
            long target = c.readLong(pointer);
            if (target << 16 >> 16 != target) {
                throw c.raise(Vector.GP);
            }
            r[4] = pointer + extra;
            return c.enter(target);
        }
    }

    /** RET outside 64-bit mode. */
    private static final class Return extends Op {
        private final int size;
        private final int extra;

        Return(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            size = in.operandSize;
            extra = (int) in.immediate & 0xFFFF;
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long target = StackOps.peek(c, size);
            checkTarget(c, target);
            StackOps.release(c, size + extra);
            return c.enter(target);
        }
    }

    /** LOOP, LOOPE, LOOPNE and JRCXZ. */
    private static final class Loop extends BranchOp {
        private final Mnemonic kind;
        private final long mask;
        private final int s;

        Loop(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            kind = in.form.mnemonic();
            s = Width.of(in.addressSize);
            mask = -1L >>> s;
            operands(in);
        }

        @Override
        TemplateOp fresh() {
            throw new IllegalStateException("LOOP has no variants");
        }

        @Override
        void operands(Instruction in) {
            target = relative(nextIp, in.immediate, in.codeSize, in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            boolean jump;
            if (kind == Mnemonic.JRCXZ) {
                jump = (c.gpr[1] & mask) == 0;
                if (jump) {
                    checkTarget(c, target);
                }
            } else {
                long count = c.gpr[1] - 1;
                boolean zero = c.flagZero == 0;
                jump = (count & mask) != 0 && (kind == Mnemonic.LOOP || zero == (kind == Mnemonic.LOOPE));
                if (jump) {
                    checkTarget(c, target);
                }
                Width.set(c.gpr, s, 1, count);
            }
            return jump ? taken(c) : notTaken(c);
        }
    }

    /** INT n, INT3, INTO and INT1. */
    private static final class Interrupt extends Op {
        private final int vector;
        private final int kind;

        Interrupt(long ip, long nextIp, int vector, int kind) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.vector = vector;
            this.kind = kind;
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (vector == Vector.BP && kind == Delivery.SOFTWARE_EXCEPTION && c.debug.takesBreakpoint(ip)) {
                return null;
            }
            c.rip = nextIp;
            if (vector == Vector.OF && kind == Delivery.SOFTWARE_EXCEPTION && (Flags.arithmetic(c) & Flags.OF) == 0) {
                return null;
            }
            c.untraced = true;
            c.delivery.interrupt(vector, kind);
            if (kind == Delivery.EXCEPTION) {
                c.debug.mergePending();
            }
            return null;
        }
    }

    /** BOUND. */
    private static final class Bound extends MemoryOp {
        private final int s;
        private final int register;

        Bound(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
            s = Width.of(in.operandSize);
            register = in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            int size = Width.bytes(s);
            long offset = offset(c);
            long low = Width.load(c, s, Segmentation.linear(c, segment, offset, size, false)) << s >> s;
            long high = Width.load(c, s, Segmentation.linear(c, segment, offset + size & offsetMask, size, false)) << s
                    >> s;
            long value = c.gpr[register] << s >> s;
            if (value < low || value > high) {
                throw c.raise(Vector.BR);
            }
            return next;
        }
    }
}
