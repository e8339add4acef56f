package dev.vz.emulator.operation;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segmentation;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.fault.Vector;
import org.jspecify.annotations.Nullable;

/** Descriptor table registers, task register, and the instructions that ask about selectors. */
final class DescriptorOps {

    private DescriptorOps() {}

    static void register(Operations all) {
        for (Mnemonic table : new Mnemonic[] {Mnemonic.SGDT, Mnemonic.SIDT, Mnemonic.LGDT, Mnemonic.LIDT}) {
            all.add(table, TableRegister::new);
        }
        all.add(Mnemonic.SLDT, (in, ip, nextIp) -> new StoreSelector(in, ip, nextIp, LDTR));
        all.add(Mnemonic.STR, (in, ip, nextIp) -> new StoreSelector(in, ip, nextIp, TR));
        all.add(Mnemonic.LLDT, LoadLocalTable::new);
        all.add(Mnemonic.LTR, LoadTask::new);
        all.add(Mnemonic.LAR, (in, ip, nextIp) -> new Ask(in, ip, nextIp, Mnemonic.LAR));
        all.add(Mnemonic.LSL, (in, ip, nextIp) -> new Ask(in, ip, nextIp, Mnemonic.LSL));
        all.add(Mnemonic.VERR, (in, ip, nextIp) -> new Verify(in, ip, nextIp, false));
        all.add(Mnemonic.VERW, (in, ip, nextIp) -> new Verify(in, ip, nextIp, true));
        all.add(Mnemonic.ARPL, AdjustLevel::new);
    }

    /** Faults in user mode if CR4.UMIP is set. */
    static void userModePrevention(Cpu c) {
        if (c.cpl != 0 && (c.cr4 & Modes.CR4_UMIP) != 0) {
            throw c.raise(Vector.GP);
        }
    }

    private static void needsProtectedMode(Cpu c) {
        if (!c.protectedMode) {
            throw c.raise(Vector.UD);
        }
    }

    /** SGDT, SIDT, LGDT and LIDT. */
    private static final class TableRegister extends MemoryOp {
        private final boolean interrupt;
        private final boolean load;
        private final boolean wide;
        private final boolean narrow;

        TableRegister(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
            Mnemonic mnemonic = in.form.mnemonic();
            interrupt = mnemonic == Mnemonic.SIDT || mnemonic == Mnemonic.LIDT;
            load = mnemonic == Mnemonic.LGDT || mnemonic == Mnemonic.LIDT;
            wide = in.codeSize == 64;
            narrow = in.operandSize == 2 && !wide;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            int bytes = wide ? 8 : 4;
            long at = offset(c);
            if (!load) {
                userModePrevention(c);
                long linear = Segmentation.linear(c, segment, at, 2 + bytes, true);
                c.checkWrite(linear, 2 + bytes);
                c.writeShort(linear, interrupt ? c.idtLimit : c.gdtLimit);
                c.write(linear + 2, bytes, interrupt ? c.idtBase : c.gdtBase);
                return next;
            }
            SystemOps.privileged(c);
            int limit = c.readShort(Segmentation.linear(c, segment, at, 2, false));
            long base = c.read(Segmentation.linear(c, segment, at + 2 & offsetMask, bytes, false), bytes);
            if (narrow) {
                base &= 0xFF_FFFF;
            }
            if (wide && base << 16 >> 16 != base) {
                throw c.raise(Vector.GP);
            }
            if (interrupt) {
                c.idtBase = base;
                c.idtLimit = limit;
            } else {
                c.gdtBase = base;
                c.gdtLimit = limit;
            }
            return next;
        }
    }

    /** SLDT and STR. */
    private static final class StoreSelector extends RmOp {
        private final int source;
        private final int target;

        StoreSelector(Instruction in, long ip, long nextIp, int source) {
            super(in, ip, nextIp, 0);
            this.source = source;
            target = Width.of(in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            needsProtectedMode(c);
            userModePrevention(c);
            if (inMemory) {
                c.writeShort(address(c, 2, true), c.segmentSelector[source]);
            } else {
                Width.set(c.gpr, target, register, c.segmentSelector[source]);
            }
            return next;
        }
    }

    /** Reads the upper half of a system descriptor's base in long mode, 0 otherwise. */
    private static long upperBase(Cpu c, int selector) {
        if (!c.longMode) {
            return 0;
        }
        long address = Segmentation.descriptorAddress(c, selector, 16, Vector.GP);
        long upper = Segmentation.readSystem(c, address + 8, 8);
        if ((upper >>> 40 & 0x1F) != 0) {
            throw c.raise(Vector.GP, selector & 0xFFFC);
        }
        return upper << 32;
    }

    private static void checkCanonicalBase(Cpu c, long base, int error) {
        if (c.longMode && base << 16 >> 16 != base) {
            throw c.raise(Vector.GP, error);
        }
    }

    /** LLDT. */
    private static final class LoadLocalTable extends RmOp {
        LoadLocalTable(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            needsProtectedMode(c);
            SystemOps.privileged(c);
            int selector = (int) load(c) & 0xFFFF;
            int error = selector & 0xFFFC;
            if (error == 0) {
                c.segmentSelector[LDTR] = selector;
                c.segmentAttributes[LDTR] = UNUSABLE;
                return next;
            }
            if ((selector & 4) != 0) {
                throw c.raise(Vector.GP, error);
            }
            long descriptor = Segmentation.descriptor(c, selector, Vector.GP);
            int attributes = Segmentation.attributes(descriptor);
            if ((attributes & (S | TYPE)) != 2) {
                throw c.raise(Vector.GP, error);
            }
            if ((attributes & P) == 0) {
                throw c.raise(Vector.NP, error);
            }
            long upper = upperBase(c, selector);
            checkCanonicalBase(c, upper | Segmentation.base(descriptor), error);
            Segmentation.set(c, LDTR, selector, descriptor);
            c.segmentBase[LDTR] |= upper;
            return next;
        }
    }

    /** LTR. */
    private static final class LoadTask extends RmOp {
        LoadTask(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            needsProtectedMode(c);
            SystemOps.privileged(c);
            int selector = (int) load(c) & 0xFFFF;
            int error = selector & 0xFFFC;
            if (error == 0 || (selector & 4) != 0) {
                throw c.raise(Vector.GP, error);
            }
            long address = Segmentation.descriptorAddress(c, selector, 8, Vector.GP);
            long descriptor = Segmentation.readSystem(c, address, 8);
            int attributes = Segmentation.attributes(descriptor);
            int type = attributes & (S | TYPE);
            if (type != 9 && (c.longMode || type != 1)) {
                throw c.raise(Vector.GP, error);
            }
            if ((attributes & P) == 0) {
                throw c.raise(Vector.NP, error);
            }
            long upper = upperBase(c, selector);
            checkCanonicalBase(c, upper | Segmentation.base(descriptor), error);
            Segmentation.writeSystem(c, address + 5, 1, descriptor >>> 40 | 2);
            Segmentation.set(c, TR, selector, descriptor | 1L << 41);
            c.segmentBase[TR] |= upper;
            return next;
        }
    }

    /** The descriptor that a selector names, or 0 if there is none. */
    private static long find(Cpu c, int selector) {
        long limit = (selector & 4) != 0 ? c.segmentLimit[LDTR] & 0xFFFF_FFFFL : c.gdtLimit;
        boolean none = (selector & 0xFFFC) == 0 || Segmentation.index(selector) + 7 > limit
                || (selector & 4) != 0 && (c.segmentAttributes[LDTR] & UNUSABLE) != 0;
        return none ? 0 : Segmentation.descriptor(c, selector, Vector.GP);
    }

    private static boolean visible(Cpu c, int selector, int attributes) {
        boolean conforming = (attributes & (S | CODE | DOWN_OR_CONFORMING)) == (S | CODE | DOWN_OR_CONFORMING);
        int dpl = dpl(attributes);
        return conforming || c.cpl <= dpl && (selector & 3) <= dpl;
    }

    private static void setZero(Cpu c, boolean zero) {
        c.flagZero = zero ? 0 : 1;
    }

    /** LAR and LSL. */
    private static final class Ask extends RmOp {
        private final boolean rights;
        private final int target;
        private final int width;

        Ask(Instruction in, long ip, long nextIp, Mnemonic kind) {
            super(in, ip, nextIp, 1);
            rights = kind == Mnemonic.LAR;
            target = in.reg;
            width = Width.of(in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            needsProtectedMode(c);
            int selector = (int) (inMemory ? c.readShort(address(c, 2, false)) : c.gpr[register]) & 0xFFFF;
            long descriptor = find(c, selector);
            int attributes = Segmentation.attributes(descriptor);
            boolean found = descriptor != 0 && visible(c, selector, attributes)
                    && ((attributes & S) != 0 || isKnown(c, attributes & TYPE));
            if (found) {
                Width.set(c.gpr, width, target, rights ? descriptor >>> 32 & 0x00FF_FF00
                        : Segmentation.limit(descriptor) & 0xFFFF_FFFFL);
            }
            setZero(c, found);
            return next;
        }

        private boolean isKnown(Cpu c, int type) {
            boolean segment = type == 2 || type == 9 || type == 11 || !c.longMode && (type == 1 || type == 3);
            boolean gate = type == 12 || !c.longMode && (type == 4 || type == 5);
            return segment || rights && gate;
        }
    }

    /** VERR and VERW. */
    private static final class Verify extends RmOp {
        private final boolean write;

        Verify(Instruction in, long ip, long nextIp, boolean write) {
            super(in, ip, nextIp, 0);
            this.write = write;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            needsProtectedMode(c);
            int selector = (int) load(c) & 0xFFFF;
            long descriptor = find(c, selector);
            int attributes = Segmentation.attributes(descriptor);
            boolean code = (attributes & CODE) != 0;
            boolean second = (attributes & WRITABLE) != 0;
            setZero(c, descriptor != 0 && (attributes & S) != 0 && visible(c, selector, attributes)
                    && (write ? !code && second : !code || second));
            return next;
        }
    }

    /** ARPL. */
    private static final class AdjustLevel extends RmModify {
        private final int source;

        AdjustLevel(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, false);
            source = in.reg;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            needsProtectedMode(c);
            return super.execute(c);
        }

        @Override
        long result(Cpu c, long value) {
            long level = c.gpr[source] & 3;
            return (value & 3) < level ? value & ~3L | level : value;
        }

        @Override
        void finish(Cpu c, long old) {
            setZero(c, (old & 3) < (c.gpr[source] & 3));
        }
    }
}
