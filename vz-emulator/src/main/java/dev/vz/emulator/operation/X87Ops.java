package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.cpu.VectorUnit;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.InstructionForm;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OpcodeTable;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.fpu.FpuState;
import dev.vz.emulator.fpu.X87Escapes;
import dev.vz.emulator.fpu.X87Images;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The x87 escapes, FWAIT, and the images of floating-point state that FXSAVE and its kin exchange with memory. */
final class X87Ops {

    private X87Ops() {}

    static void register(Operations all) {
        Set<Mnemonic> escapes = new HashSet<>();
        for (InstructionForm form : OpcodeTable.instance().forms()) {
            if (form.opcode() >= 0xD8 && form.opcode() <= 0xDF && OpcodeTable.instance().mapOf(form) == 0
                    && escapes.add(form.mnemonic())) {
                all.add(form.mnemonic(), Escape::new);
            }
        }
        all.simple(Mnemonic.FWAIT, c -> {
            long both = Modes.CR0_MP | Modes.CR0_TS;
            if ((c.cr0 & both) == both) {
                throw c.raise(Vector.NM);
            }
            VectorUnit.pending(c);
        });
        all.add(Mnemonic.FXSAVE, (in, ip, nextIp) -> new Image(in, ip, nextIp, true));
        all.add(Mnemonic.FXRSTOR, (in, ip, nextIp) -> new Image(in, ip, nextIp, false));
        all.add(Mnemonic.LDMXCSR, (in, ip, nextIp) -> new Control(in, ip, nextIp, true));
        all.add(Mnemonic.STMXCSR, (in, ip, nextIp) -> new Control(in, ip, nextIp, false));
    }

    /** Any instruction with opcode D8 to DF. */
    private static final class Escape extends RmOp {
        private final int opcode;
        private final int modrm;
        private final boolean waiting;
        private final boolean recorded;
        private final int operand;
        private final boolean wide;

        Escape(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            opcode = in.form.opcode();
            modrm = in.modrm;
            waiting = X87Escapes.isWaiting(opcode, modrm);
            recorded = X87Escapes.isRecorded(opcode, modrm);
            operand = inMemory ? X87Escapes.memoryOperand(opcode, modrm) : 0;
            wide = in.operandSize != 2;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.x87(c);
            if (waiting) {
                VectorUnit.pending(c);
            }
            FpuState f = c.fpu;
            if (!inMemory) {
                if (recorded) {
                    f.recordInstruction(opcode, modrm, c.segmentSelector[Segments.CS], ip);
                }
                register(c, X87Escapes.register(f, opcode, modrm, Flags.get(c)));
                return next;
            }
            boolean store = (operand & X87Escapes.STORE) != 0;
            if ((operand & (X87Escapes.ENVIRONMENT | X87Escapes.STATE)) != 0) {
                image(c, store);
                return next;
            }
            int length = operand & X87Escapes.LENGTH;
            long linear = address(c, length, store);
            if (store) {
                c.checkWrite(linear, length);
            }
            long low = 0;
            int high = 0;
            if (!store) {
                low = c.read(linear, Math.min(length, 8));
                high = length == 10 ? c.readShort(linear + 8) : 0;
            }
            if (recorded) {
                f.recordInstruction(opcode, modrm, c.segmentSelector[Segments.CS], ip);
                f.recordOperand(c.segmentSelector[segment], offset(c));
            }
            if (!store) {
                X87Escapes.load(f, opcode, modrm, low, high);
            } else if (X87Escapes.store(f, opcode, modrm)) {
                c.write(linear, Math.min(length, 8), f.storeLow);
                if (length == 10) {
                    c.writeShort(linear + 8, f.storeHigh);
                }
            }
            return next;
        }

        private static void register(Cpu c, int result) {
            switch (result & 0xFF) {
                case X87Escapes.STATUS_TO_AX -> Width.set(c.gpr, Width.WORD, 0, c.fpu.statusWord());
                case X87Escapes.FLAGS -> Flags.setArithmetic(c, result >>> 8);
                case X87Escapes.UNDEFINED -> throw c.raise(Vector.UD);
                default -> {}
            }
        }

        /** FLDENV, FNSTENV, FRSTOR and FNSAVE. */
        private void image(Cpu c, boolean store) {
            boolean state = (operand & X87Escapes.STATE) != 0;
            boolean real = !c.protectedMode;
            int length = (wide ? 28 : 14) + (state ? 80 : 0);
            long linear = address(c, length, store);
            byte[] bytes = c.image;
            if (store) {
                c.checkWrite(linear, length);
                if (state) {
                    X87Images.fnsave(c.fpu, bytes, wide, real);
                } else {
                    X87Images.fnstenv(c.fpu, bytes, wide, real);
                }
                writeBytes(c, linear, bytes, length);
                return;
            }
            readBytes(c, linear, bytes, length);
            if (state) {
                X87Images.frstor(c.fpu, bytes, wide, real);
            } else {
                X87Images.fldenv(c.fpu, bytes, wide, real);
            }
        }
    }

    static void readBytes(Cpu c, long linear, byte[] bytes, int length) {
        for (int i = 0; i < length; i += 2) {
            int value = c.readShort(linear + i);
            bytes[i] = (byte) value;
            bytes[i + 1] = (byte) (value >>> 8);
        }
    }

    static void writeBytes(Cpu c, long linear, byte[] bytes, int length) {
        for (int i = 0; i < length; i += 2) {
            c.writeShort(linear + i, bytes[i] & 0xFF | (bytes[i + 1] & 0xFF) << 8);
        }
    }

    /** FXSAVE and FXRSTOR. */
    private static final class Image extends RmOp {
        private final boolean save;
        private final boolean wide;
        private final boolean mode64;

        Image(Instruction in, long ip, long nextIp, boolean save) {
            super(in, ip, nextIp);
            this.save = save;
            wide = in.rexW();
            mode64 = in.codeSize == 64;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if ((c.cr0 & (Modes.CR0_EM | Modes.CR0_TS)) != 0) {
                throw c.raise((c.cr0 & Modes.CR0_EM) != 0 ? Vector.UD : Vector.NM);
            }
            long linear = address(c, 512, save);
            if ((linear & 15) != 0) {
                throw c.raise(Vector.GP);
            }
            if (save) {
                c.checkWrite(linear, 512);
                int length = X87Images.fxsave(c.fpu, c.image, wide, mode64);
                writeBytes(c, linear, c.image, length);
            } else {
                c.mmu.checkRead(linear, 512, c.cpl == 3);
                readBytes(c, linear, c.image, 512);
                if (!X87Images.fxrstor(c.fpu, c.image, wide, mode64)) {
                    throw c.raise(Vector.GP);
                }
            }
            return next;
        }
    }

    /** LDMXCSR and STMXCSR. */
    private static final class Control extends RmOp {
        private final boolean load;

        Control(Instruction in, long ip, long nextIp, boolean load) {
            super(in, ip, nextIp);
            this.load = load;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            if (!load) {
                c.writeInt(address(c, 4, true), c.fpu.mxcsr);
            } else if (!X87Images.ldmxcsr(c.fpu, c.readInt(address(c, 4, false)))) {
                throw c.raise(Vector.GP);
            }
            return next;
        }
    }
}
