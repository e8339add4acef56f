package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.VectorUnit;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind.Place;
import dev.vz.emulator.fpu.X87Control;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** Moves between vector registers, memory and general registers. */
final class VectorMoves {

    private static final Template LOAD = new Template(MethodHandles.lookup(), Load.class);
    private static final Template STORE = new Template(MethodHandles.lookup(), Store.class);

    /** What a load does with the parts of the register that it does not load. */
    static final int CLEAR = 0;
    static final int KEEP_HIGH = 1;
    static final int KEEP_ALL_BUT_32 = 2;
    static final int INTO_HIGH = 3;
    static final int DUPLICATE = 4;
    static final int HIGH_TO_LOW = 5;
    static final int LOW_ONLY = 6;

    private VectorMoves() {}

    static void register(Operations all) {
        for (Mnemonic whole : new Mnemonic[] {Mnemonic.MOVAPS, Mnemonic.MOVAPD, Mnemonic.MOVUPS, Mnemonic.MOVUPD,
            Mnemonic.MOVDQA, Mnemonic.MOVDQU, Mnemonic.LDDQU, Mnemonic.MOVNTPS, Mnemonic.MOVNTPD, Mnemonic.MOVNTDQ,
            Mnemonic.MOVNTDQA}) {
            all.add(whole, (in, ip, nextIp) -> move(in, ip, nextIp, CLEAR, CLEAR));
        }
        all.add(Mnemonic.MOVSS, (in, ip, nextIp) -> move(in, ip, nextIp, KEEP_ALL_BUT_32, CLEAR));
        all.add(Mnemonic.MOVSD, (in, ip, nextIp) -> move(in, ip, nextIp, KEEP_HIGH, CLEAR));
        all.add(Mnemonic.MOVLPS, (in, ip, nextIp) -> move(in, ip, nextIp, KEEP_HIGH, KEEP_HIGH));
        all.add(Mnemonic.MOVLPD, (in, ip, nextIp) -> move(in, ip, nextIp, KEEP_HIGH, KEEP_HIGH));
        all.add(Mnemonic.MOVHPS, (in, ip, nextIp) -> move(in, ip, nextIp, INTO_HIGH, INTO_HIGH));
        all.add(Mnemonic.MOVHPD, (in, ip, nextIp) -> move(in, ip, nextIp, INTO_HIGH, INTO_HIGH));
        all.add(Mnemonic.MOVLHPS, (in, ip, nextIp) -> move(in, ip, nextIp, INTO_HIGH, INTO_HIGH));
        all.add(Mnemonic.MOVHLPS, (in, ip, nextIp) -> move(in, ip, nextIp, HIGH_TO_LOW, HIGH_TO_LOW));
        all.add(Mnemonic.MOVDDUP, (in, ip, nextIp) -> move(in, ip, nextIp, DUPLICATE, DUPLICATE));
        all.add(Mnemonic.MOVQ, VectorMoves::movq);
        all.add(Mnemonic.MOVNTQ, VectorMoves::movq);
        all.add(Mnemonic.MOVD, General::new);
        all.add(Mnemonic.MOVQ2DQ, (in, ip, nextIp) -> new Cross(in, ip, nextIp, true));
        all.add(Mnemonic.MOVDQ2Q, (in, ip, nextIp) -> new Cross(in, ip, nextIp, false));
        all.add(Mnemonic.MASKMOVDQU, (in, ip, nextIp) -> new Masked(in, ip, nextIp, 16));
        all.add(Mnemonic.MASKMOVQ, (in, ip, nextIp) -> new Masked(in, ip, nextIp, 8));
    }

    /**
     * A move with an XMM register.
     *
     * @param rest what a move between registers does with the rest; a load by itself always clears it
     * @param loadRest what a load does with the rest
     */
    private static Op move(Instruction in, long ip, long nextIp, int rest, int loadRest) {
        Place target = in.form.operands().get(0).place();
        boolean store = target != Place.XMM_REG && in.memory;
        int kind = VectorOp.kind(in, store ? 0 : 1);
        if (store) {
            return STORE.make(in, ip, nextIp, kind, MemoryOp.addressing(in), rest == INTO_HIGH ? 1 : 0);
        }
        // A register may be the destination by ModRM.rm; then the roles are exchanged.
        int reversed = target == Place.XMM_REG ? 0 : 128;
        return LOAD.make(in, ip, nextIp, kind | reversed, MemoryOp.addressing(in), in.memory ? loadRest : rest);
    }

    private static Op movq(Instruction in, long ip, long nextIp) {
        Place target = in.form.operands().get(0).place();
        if (target == Place.XMM_REG || target == Place.XMM_RM) {
            return move(in, ip, nextIp, LOW_ONLY, CLEAR);
        }
        return new Mmx(in, ip, nextIp);
    }

    /** Into an XMM register. */
    static final class Load extends VectorOp {
        private static final int KIND = constant(MethodHandles.lookup(), 0) & 127;
        private static final boolean REVERSED = constant(MethodHandles.lookup(), 0) > 127;
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);
        private static final int REST = constant(MethodHandles.lookup(), 2);

        @Override
        TemplateOp fresh() {
            return new Load();
        }

        @Override
        void operands(Instruction in) {
            super.operands(in);
            if (REVERSED) {
                target = in.rm;
                source = in.reg;
            }
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long low = low(c, KIND, ADDRESSING);
            long high = high(c, KIND, ADDRESSING);
            long[] x = c.fpu.xmm;
            int to = 2 * target;
            switch (REST) {
                case KEEP_HIGH -> x[to] = low;
                case KEEP_ALL_BUT_32 -> x[to] = x[to] & 0xFFFF_FFFF_0000_0000L | low & 0xFFFF_FFFFL;
                case INTO_HIGH -> x[to + 1] = low;
                case HIGH_TO_LOW -> x[to] = high;
                case DUPLICATE -> {
                    x[to] = low;
                    x[to + 1] = low;
                }
                case LOW_ONLY -> {
                    x[to] = low;
                    x[to + 1] = 0;
                }
                default -> {
                    x[to] = low;
                    x[to + 1] = high;
                }
            }
            return next;
        }
    }

    /** An XMM register, or a part of it, to memory. */
    static final class Store extends VectorOp {
        private static final int KIND = constant(MethodHandles.lookup(), 0);
        private static final int ADDRESSING = constant(MethodHandles.lookup(), 1);
        private static final boolean HIGH = constant(MethodHandles.lookup(), 2) != 0;

        @Override
        TemplateOp fresh() {
            return new Store();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long linear = place(c, KIND, ADDRESSING, true);
            long[] x = c.fpu.xmm;
            int from = 2 * target;
            switch (KIND) {
                case DWORD -> c.writeInt(linear, (int) x[from]);
                case QWORD -> c.writeLong(linear, x[HIGH ? from + 1 : from]);
                default -> {
                    c.checkWrite(linear, 16);
                    c.writeLong(linear, x[from]);
                    c.writeLong(linear + 8, x[from + 1]);
                }
            }
            return next;
        }
    }

    /** MOVQ and MOVNTQ with an MMX register. */
    private static final class Mmx extends RmOp {
        private final boolean toRegister;
        private final int reg;
        private final int rm;

        Mmx(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            toRegister = in.form.operands().get(0).place() == Place.MMX_REG;
            reg = in.reg & 7;
            rm = in.rm & 7;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.mmx(c);
            if (toRegister) {
                VectorUnit.setMm(c, reg, inMemory ? c.readLong(address(c, 8, false)) : VectorUnit.mm(c, rm));
            } else if (inMemory) {
                c.writeLong(address(c, 8, true), VectorUnit.mm(c, reg));
                X87Control.enterMmx(c.fpu);
            } else {
                VectorUnit.setMm(c, rm, VectorUnit.mm(c, reg));
            }
            return next;
        }
    }

    /** MOVD and MOVQ between a vector register and a general register or memory. */
    private static final class General extends RmOp {
        private final boolean toVector;
        private final boolean mmx;
        private final int vector;

        General(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, in.form.operands().get(0).place() == Place.RM ? 0 : 1);
            toVector = in.form.operands().get(0).place() != Place.RM;
            Place place = in.form.operands().get(toVector ? 0 : 1).place();
            mmx = place == Place.MMX_REG;
            vector = mmx ? in.reg & 7 : in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (mmx) {
                VectorUnit.mmx(c);
            } else {
                VectorUnit.sse(c);
            }
            if (!toVector) {
                store(c, mmx ? VectorUnit.mm(c, vector) : c.fpu.xmm[2 * vector]);
                if (mmx) {
                    X87Control.enterMmx(c.fpu);
                }
                return next;
            }
            long value = Width.zeroExtend(s, load(c));
            if (mmx) {
                VectorUnit.setMm(c, vector, value);
            } else {
                c.fpu.xmm[2 * vector] = value;
                c.fpu.xmm[2 * vector + 1] = 0;
            }
            return next;
        }
    }

    /** MOVQ2DQ and MOVDQ2Q. */
    private static final class Cross extends Op {
        private final boolean toXmm;
        private final int target;
        private final int source;

        Cross(Instruction in, long ip, long nextIp, boolean toXmm) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.toXmm = toXmm;
            target = in.reg;
            source = in.rm;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            VectorUnit.mmx(c);
            if (toXmm) {
                c.fpu.xmm[2 * target] = VectorUnit.mm(c, source & 7);
                c.fpu.xmm[2 * target + 1] = 0;
                X87Control.enterMmx(c.fpu);
            } else {
                VectorUnit.setMm(c, target & 7, c.fpu.xmm[2 * source]);
            }
            return next;
        }
    }

    /** MASKMOVDQU and MASKMOVQ: the bytes whose mask byte is negative, to DS:rDI. */
    private static final class Masked extends RmOp {
        private final int bytes;
        private final int value;
        private final int mask;

        Masked(Instruction in, long ip, long nextIp, int bytes) {
            super(in, ip, nextIp);
            this.bytes = bytes;
            value = in.reg;
            mask = in.rm;
            base = 7;
            segment = in.segmentPrefix >= 0 ? in.segmentPrefix : 3;
            offsetMask = -1L >>> 64 - 8 * in.addressSize;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            long[] data = new long[2];
            long[] masks = new long[2];
            if (bytes == 16) {
                VectorUnit.sse(c);
                data[0] = c.fpu.xmm[2 * value];
                data[1] = c.fpu.xmm[2 * value + 1];
                masks[0] = c.fpu.xmm[2 * mask];
                masks[1] = c.fpu.xmm[2 * mask + 1];
            } else {
                VectorUnit.mmx(c);
                data[0] = VectorUnit.mm(c, value & 7);
                masks[0] = VectorUnit.mm(c, mask & 7);
                X87Control.enterMmx(c.fpu);
            }
            long linear = address(c, bytes, true);
            for (int i = 0; i < bytes; i++) {
                if ((masks[i >> 3] >>> 8 * (i & 7) & 0x80) != 0) {
                    c.mmu.checkWrite(linear + i, 1, c.cpl == 3);
                }
            }
            for (int i = 0; i < bytes; i++) {
                if ((masks[i >> 3] >>> 8 * (i & 7) & 0x80) != 0) {
                    c.writeByte(linear + i, (int) (data[i >> 3] >>> 8 * (i & 7)));
                }
            }
            return next;
        }
    }
}
