package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.VectorUnit;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.InstructionForm.Attribute;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.decode.OperandKind.Place;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.fpu.X87Control;
import dev.vz.emulator.simd.PackedConversion;
import dev.vz.emulator.simd.PackedElement;
import dev.vz.emulator.simd.PackedShuffle;
import dev.vz.emulator.simd.ScalarConversion;
import dev.vz.emulator.simd.StringComparison;
import org.jspecify.annotations.Nullable;

/** Instructions between vector and general registers: elements, masks, conversions, string comparison. */
final class VectorElements {

    private VectorElements() {}

    static void register(Operations all) {
        for (Mnemonic m : new Mnemonic[] {Mnemonic.PINSRB, Mnemonic.PINSRW, Mnemonic.PINSRD, Mnemonic.INSERTPS}) {
            all.add(m, Insert::new);
        }
        for (Mnemonic m : new Mnemonic[] {Mnemonic.PEXTRB, Mnemonic.PEXTRW, Mnemonic.PEXTRD, Mnemonic.EXTRACTPS}) {
            all.add(m, Extract::new);
        }
        for (Mnemonic m : new Mnemonic[] {Mnemonic.PMOVMSKB, Mnemonic.MOVMSKPS, Mnemonic.MOVMSKPD}) {
            all.add(m, Mask::new);
        }
        for (Mnemonic m : new Mnemonic[] {Mnemonic.CVTSI2SS, Mnemonic.CVTSI2SD}) {
            all.add(m, FromInteger::new);
        }
        for (Mnemonic m : new Mnemonic[] {Mnemonic.CVTSS2SI, Mnemonic.CVTTSS2SI, Mnemonic.CVTSD2SI,
            Mnemonic.CVTTSD2SI}) {
            all.add(m, ToInteger::new);
        }
        for (Mnemonic m : new Mnemonic[] {Mnemonic.CVTPI2PS, Mnemonic.CVTPI2PD, Mnemonic.CVTPS2PI,
            Mnemonic.CVTTPS2PI, Mnemonic.CVTPD2PI, Mnemonic.CVTTPD2PI}) {
            all.add(m, WithMmx::new);
        }
        for (Mnemonic m : new Mnemonic[] {Mnemonic.PCMPESTRI, Mnemonic.PCMPESTRM, Mnemonic.PCMPISTRI,
            Mnemonic.PCMPISTRM}) {
            all.add(m, Text::new);
        }
        all.add(Mnemonic.PSLLDQ, (in, ip, nextIp) -> new ShiftBytes(in, ip, nextIp, true));
        all.add(Mnemonic.PSRLDQ, (in, ip, nextIp) -> new ShiftBytes(in, ip, nextIp, false));
        all.simple(Mnemonic.EMMS, c -> {
            VectorUnit.mmx(c);
            X87Control.emms(c.fpu);
        });
    }

    /** PINSRB, PINSRW, PINSRD, PINSRQ and INSERTPS. */
    private static final class Insert extends RmOp {
        private final Mnemonic mnemonic;
        private final boolean mmx;
        private final int target;
        private final int source;
        private final int element;
        private final int size;

        Insert(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            mnemonic = in.form.mnemonic();
            mmx = in.form.operands().get(0).place() == Place.MMX_REG;
            target = mmx ? in.reg & 7 : in.reg;
            source = in.rm;
            element = (int) in.immediate & 0xFF;
            size = in.form.operands().get(1).bytes(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (mmx) {
                VectorUnit.mmx(c);
            } else {
                VectorUnit.sse(c);
            }
            if (mnemonic == Mnemonic.INSERTPS) {
                int value = inMemory ? c.readInt(address(c, 4, false))
                        : (int) (c.fpu.xmm[2 * source + (element >>> 7)] >>> 32 * (element >>> 6 & 1));
                PackedElement.insertps(c.fpu, target, value, inMemory ? element & 0x3F : element);
                return next;
            }
            long value = inMemory ? c.read(address(c, size, false), size) : c.gpr[source];
            switch (size) {
                case 1 -> PackedElement.pinsrb(c.fpu, target, (int) value, element);
                case 2 -> {
                    if (mmx) {
                        VectorUnit.setMm(c, target,
                                PackedElement.pinsrw(VectorUnit.mm(c, target), (int) value, element));
                    } else {
                        PackedElement.pinsrw(c.fpu, target, (int) value, element);
                    }
                }
                case 4 -> PackedElement.pinsrd(c.fpu, target, (int) value, element);
                default -> PackedElement.pinsrq(c.fpu, target, value, element);
            }
            return next;
        }
    }

    /** PEXTRB, PEXTRW, PEXTRD, PEXTRQ and EXTRACTPS. */
    private static final class Extract extends RmOp {
        private final int size;
        private final boolean mmx;
        private final int source;
        private final int target;
        private final int element;

        Extract(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            boolean old = in.form.opcode() == 0xC5; // the PEXTRW whose general register is by ModRM.reg
            size = old ? 2 : in.form.operands().get(0).bytes(in);
            mmx = in.form.operands().get(1).place() == Place.MMX_RM_REGISTER;
            source = old ? in.rm : in.reg;
            target = old ? in.reg : in.rm;
            element = (int) in.immediate & 0xFF;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (mmx) {
                VectorUnit.mmx(c);
                c.gpr[target] = PackedElement.pextrw(VectorUnit.mm(c, source & 7), element);
                X87Control.enterMmx(c.fpu);
                return next;
            }
            VectorUnit.sse(c);
            long value = switch (size) {
                case 1 -> PackedElement.pextrb(c.fpu, source, element);
                case 2 -> PackedElement.pextrw(c.fpu, source, element);
                case 4 -> PackedElement.pextrd(c.fpu, source, element) & 0xFFFF_FFFFL;
                default -> PackedElement.pextrq(c.fpu, source, element);
            };
            if (inMemory) {
                c.write(address(c, size, true), size, value);
            } else {
                c.gpr[target] = value;
            }
            return next;
        }
    }

    /** PMOVMSKB, MOVMSKPS and MOVMSKPD. */
    private static final class Mask extends RmOp {
        private final Mnemonic mnemonic;
        private final boolean mmx;
        private final int target;
        private final int source;

        Mask(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            mnemonic = in.form.mnemonic();
            mmx = in.form.operands().get(1).place() == Place.MMX_RM_REGISTER;
            target = in.reg;
            source = in.rm;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (mmx) {
                VectorUnit.mmx(c);
                c.gpr[target] = PackedElement.pmovmskb(VectorUnit.mm(c, source & 7));
                X87Control.enterMmx(c.fpu);
                return next;
            }
            VectorUnit.sse(c);
            long low = c.fpu.xmm[2 * source];
            long high = c.fpu.xmm[2 * source + 1];
            c.gpr[target] = switch (mnemonic) {
                case MOVMSKPS -> PackedElement.movmskps(low, high);
                case MOVMSKPD -> PackedElement.movmskpd(low, high);
                default -> PackedElement.pmovmskb(low, high);
            };
            return next;
        }
    }

    /** CVTSI2SS and CVTSI2SD. */
    private static final class FromInteger extends RmOp {
        private final boolean single;
        private final int target;

        FromInteger(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 1);
            single = in.form.mnemonic() == Mnemonic.CVTSI2SS;
            target = in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long value = load(c);
            long[] x = c.fpu.xmm;
            if (single) {
                int bits = s == 0 ? ScalarConversion.cvtsi2ss64(c.fpu, value)
                        : ScalarConversion.cvtsi2ss(c.fpu, (int) value);
                x[2 * target] = x[2 * target] & 0xFFFF_FFFF_0000_0000L | bits & 0xFFFF_FFFFL;
            } else {
                x[2 * target] = s == 0 ? ScalarConversion.cvtsi2sd64(c.fpu, value)
                        : ScalarConversion.cvtsi2sd((int) value);
            }
            return next;
        }
    }

    /** CVTSS2SI, CVTSD2SI and their truncating forms. */
    private static final class ToInteger extends RmOp {
        private final Mnemonic mnemonic;
        private final boolean wide;
        private final int size;
        private final int target;
        private final int source;

        ToInteger(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            mnemonic = in.form.mnemonic();
            wide = in.rexW();
            size = in.form.operands().get(1).bytes(in);
            target = in.reg;
            source = in.rm;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long a = inMemory ? c.read(address(c, size, false), size) : c.fpu.xmm[2 * source];
            long value = switch (mnemonic) {
                case CVTSS2SI -> wide ? ScalarConversion.cvtss2si64(c.fpu, (int) a)
                        : ScalarConversion.cvtss2si(c.fpu, (int) a);
                case CVTTSS2SI -> wide ? ScalarConversion.cvttss2si64(c.fpu, (int) a)
                        : ScalarConversion.cvttss2si(c.fpu, (int) a);
                case CVTSD2SI -> wide ? ScalarConversion.cvtsd2si64(c.fpu, a) : ScalarConversion.cvtsd2si(c.fpu, a);
                default -> wide ? ScalarConversion.cvttsd2si64(c.fpu, a) : ScalarConversion.cvttsd2si(c.fpu, a);
            };
            c.gpr[target] = wide ? value : value & 0xFFFF_FFFFL;
            return next;
        }
    }

    /** Conversions between MMX and XMM registers. */
    private static final class WithMmx extends RmOp {
        private final Mnemonic mnemonic;
        private final int target;
        private final int source;
        private final int size;

        WithMmx(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            mnemonic = in.form.mnemonic();
            target = in.reg;
            source = in.rm;
            size = in.form.operands().get(1).bytes(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            boolean fromMmx = mnemonic == Mnemonic.CVTPI2PS || mnemonic == Mnemonic.CVTPI2PD;
            if (!fromMmx || !inMemory) {
                VectorUnit.pending(c);
            }
            long linear = inMemory ? address(c, size, false) : 0;
            if (inMemory && size == 16 && (linear & 15) != 0) {
                throw c.raise(Vector.GP);
            }
            long low = inMemory ? c.readLong(linear)
                    : fromMmx ? VectorUnit.mm(c, source & 7) : c.fpu.xmm[2 * source];
            long high = size != 16 ? 0 : inMemory ? c.readLong(linear + 8) : c.fpu.xmm[2 * source + 1];
            if (fromMmx) {
                if (mnemonic == Mnemonic.CVTPI2PS) {
                    c.fpu.xmm[2 * target] = PackedConversion.cvtpi2ps(c.fpu, low);
                } else {
                    PackedConversion.cvtpi2pd(c.fpu, target, low);
                }
                if (!inMemory) {
                    X87Control.enterMmx(c.fpu);
                }
                return next;
            }
            VectorUnit.setMm(c, target & 7, switch (mnemonic) {
                case CVTPS2PI -> PackedConversion.cvtps2pi(c.fpu, low);
                case CVTTPS2PI -> PackedConversion.cvttps2pi(c.fpu, low);
                case CVTPD2PI -> PackedConversion.cvtpd2pi(c.fpu, low, high);
                default -> PackedConversion.cvttpd2pi(c.fpu, low, high);
            });
            return next;
        }
    }

    /** PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM. */
    private static final class Text extends RmOp {
        private final Mnemonic mnemonic;
        private final int first;
        private final int second;
        private final int control;
        private final boolean wide;

        Text(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp);
            mnemonic = in.form.mnemonic();
            first = in.reg;
            second = in.rm;
            control = (int) in.immediate & 0xFF;
            wide = in.rexW();
            assert in.form.has(Attribute.UNALIGNED);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            long linear = inMemory ? address(c, 16, false) : 0;
            long low = inMemory ? c.readLong(linear) : c.fpu.xmm[2 * second];
            long high = inMemory ? c.readLong(linear + 8) : c.fpu.xmm[2 * second + 1];
            long lengthA = wide ? c.gpr[0] : (int) c.gpr[0];
            long lengthB = wide ? c.gpr[2] : (int) c.gpr[2];
            switch (mnemonic) {
                case PCMPESTRI -> index(c,
                        StringComparison.pcmpestri(c.fpu, first, low, high, control, lengthA, lengthB));
                case PCMPISTRI -> index(c, StringComparison.pcmpistri(c.fpu, first, low, high, control));
                case PCMPESTRM -> Flags.setArithmetic(c,
                        StringComparison.pcmpestrm(c.fpu, first, low, high, control, lengthA, lengthB));
                default -> Flags.setArithmetic(c, StringComparison.pcmpistrm(c.fpu, first, low, high, control));
            }
            return next;
        }

        private static void index(Cpu c, long result) {
            c.gpr[1] = result >>> 32;
            Flags.setArithmetic(c, (int) result);
        }
    }

    /** PSLLDQ and PSRLDQ. */
    private static final class ShiftBytes extends Op {
        private final boolean left;
        private final int register;
        private final int bytes;

        ShiftBytes(Instruction in, long ip, long nextIp, boolean left) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.left = left;
            register = in.rm;
            bytes = (int) in.immediate & 0xFF;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            VectorUnit.sse(c);
            if (left) {
                PackedShuffle.pslldq(c.fpu, register, bytes);
            } else {
                PackedShuffle.psrldq(c.fpu, register, bytes);
            }
            return next;
        }
    }
}
