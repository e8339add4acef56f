package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.cpu.SystemCalls;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind;
import dev.vz.emulator.fault.Vector;
import org.jspecify.annotations.Nullable;

/** Far jumps, calls and returns, IRET, system calls, and loads of segment registers. */
final class FarFlow {

    private FarFlow() {}

    static void register(Operations all) {
        all.add(Mnemonic.JMPF, (in, ip, nextIp) -> far(in, ip, nextIp, false));
        all.add(Mnemonic.CALLF, (in, ip, nextIp) -> far(in, ip, nextIp, true));
        all.add(Mnemonic.RETF, (in, ip, nextIp) -> {
            int size = in.operandSize;
            int extra = (int) in.immediate & 0xFFFF;
            return new Leaving(ip, nextIp, c -> c.far.ret(size, extra));
        });
        all.add(Mnemonic.IRET, (in, ip, nextIp) -> {
            int size = in.operandSize;
            return new Leaving(ip, nextIp, c -> c.interruptReturn.execute(size));
        });
        all.add(Mnemonic.SYSCALL, (in, ip, nextIp) -> new Leaving(ip, nextIp, SystemCalls::syscall));
        all.add(Mnemonic.SYSRET, (in, ip, nextIp) -> {
            int size = in.operandSize;
            return new Leaving(ip, nextIp, c -> SystemCalls.sysret(c, size));
        });
        all.add(Mnemonic.SYSENTER, (in, ip, nextIp) -> new Leaving(ip, nextIp, c -> {
            c.untraced = true;
            SystemCalls.sysenter(c);
        }));
        all.add(Mnemonic.SYSEXIT, (in, ip, nextIp) -> {
            int size = in.operandSize;
            return new Leaving(ip, nextIp, c -> SystemCalls.sysexit(c, size));
        });
        all.add(Mnemonic.MOVFS, StoreSegment::new);
        all.add(Mnemonic.MOVTS, LoadSegment::new);
        all.add(Mnemonic.LES, (in, ip, nextIp) -> new LoadPointer(in, ip, nextIp, Segments.ES));
        all.add(Mnemonic.LDS, (in, ip, nextIp) -> new LoadPointer(in, ip, nextIp, Segments.DS));
        all.add(Mnemonic.LSS, (in, ip, nextIp) -> new LoadPointer(in, ip, nextIp, Segments.SS));
        all.add(Mnemonic.LFS, (in, ip, nextIp) -> new LoadPointer(in, ip, nextIp, Segments.FS));
        all.add(Mnemonic.LGS, (in, ip, nextIp) -> new LoadPointer(in, ip, nextIp, Segments.GS));
    }

    private static Op far(Instruction in, long ip, long nextIp, boolean call) {
        if (in.form.operands().get(0) == OperandKind.Ap) {
            int selector = in.immediate2;
            long offset = in.immediate;
            int size = in.operandSize;
            return new Leaving(ip, nextIp, c -> {
                if (call) {
                    c.far.call(selector, offset, size);
                } else {
                    c.far.jump(selector, offset);
                }
            });
        }
        return new FarIndirect(in, ip, nextIp, call);
    }

    /** What a {@link Leaving} does. */
    interface Action {
        /** Changes {@link Cpu#rip}, which is that of the next instruction. */
        void execute(Cpu c);
    }

    /** An instruction after which the next one has to be looked up. */
    static final class Leaving extends Op {
        private final Action action;

        Leaving(long ip, long nextIp, Action action) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.action = action;
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
            c.rip = nextIp;
            action.execute(c);
            return c.attention == 0 ? c.enter(c.rip) : null;
        }
    }

    /** JMP FAR and CALL FAR through memory. */
    private static final class FarIndirect extends MemoryOp {
        private final boolean call;
        private final int size;

        FarIndirect(Instruction in, long ip, long nextIp, boolean call) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.call = call;
            memory(in);
            size = in.operandSize;
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long at = offset(c);
            long target = c.read(Segmentation.linear(c, segment, at, size, false), size);
            int selector = c.readShort(Segmentation.linear(c, segment, at + size & offsetMask, 2, false));
            c.rip = nextIp;
            if (call) {
                c.far.call(selector, target, size);
            } else {
                c.far.jump(selector, target);
            }
            return null;
        }
    }

    /** MOV from a segment register. */
    private static final class StoreSegment extends RmOp {
        private final int source;
        private final int target;

        StoreSegment(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
            source = in.reg;
            target = Width.of(in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long selector = c.segmentSelector[source];
            if (inMemory) {
                c.writeShort(address(c, 2, true), (int) selector);
            } else {
                Width.set(c.gpr, target, register, selector);
            }
            return next;
        }
    }

    /** MOV to a segment register. */
    private static final class LoadSegment extends RmOp {
        private final int target;

        LoadSegment(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
            target = in.reg;
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            int selector = inMemory ? c.readShort(address(c, 2, false)) : (int) c.gpr[register] & 0xFFFF;
            Segmentation.load(c, target, selector);
            if (target == Segments.SS) {
                c.shadow = 1;
                c.attend(Cpu.ATTEND_STEP);
            }
            c.rip = nextIp;
            return c.enter(nextIp);
        }
    }

    /** LES, LDS, LSS, LFS and LGS. */
    private static final class LoadPointer extends MemoryOp {
        private final int target;
        private final int size;
        private final int register;

        LoadPointer(Instruction in, long ip, long nextIp, int target) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
            this.target = target;
            size = in.form.operands().get(0).bytes(in);
            register = in.reg;
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (!c.protectedMode && c.codeSize == 64) {
                throw c.raise(Vector.UD);
            }
            long at = offset(c);
            long value = c.read(Segmentation.linear(c, segment, at, size, false), size);
            int selector = c.readShort(Segmentation.linear(c, segment, at + size & offsetMask, 2, false));
            Segmentation.load(c, target, selector);
            Width.set(c.gpr, Width.of(size), register, value);
            c.rip = nextIp;
            return null;
        }
    }
}
