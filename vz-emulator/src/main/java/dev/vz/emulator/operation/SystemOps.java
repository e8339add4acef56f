package dev.vz.emulator.operation;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.emulator.cpu.ControlRegisters;
import dev.vz.emulator.cpu.Cpu;
import dev.vz.emulator.cpu.Flags;
import dev.vz.emulator.cpu.Modes;
import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.cpu.Segments;
import dev.vz.emulator.cpu.VectorUnit;
import dev.vz.emulator.decode.Instruction;
import dev.vz.emulator.decode.Mnemonic;
import dev.vz.emulator.fault.Vector;
import dev.vz.emulator.operation.FarFlow.Leaving;
import org.jspecify.annotations.Nullable;

/** Interrupt flag, halt, time, model-specific registers, TLB and cache control, CPUID, random numbers. */
final class SystemOps {

    private SystemOps() {}

    static void register(Operations all) {
        all.add(Mnemonic.HLT, (in, ip, nextIp) -> new Leaving(ip, nextIp, c -> {
            privileged(c);
            c.halted = true;
            c.attend(Cpu.ATTEND_INTERRUPT);
        }));
        all.simple(Mnemonic.CLI, SystemOps::cli);
        all.add(Mnemonic.STI, Sti::new);
        all.simple(Mnemonic.CLTS, c -> {
            privileged(c);
            c.cr0 &= ~Modes.CR0_TS;
            VectorUnit.update(c);
        });
        all.simple(Mnemonic.RDTSC, SystemOps::rdtsc);
        all.simple(Mnemonic.RDTSCP, c -> {
            feature(c, c.cpuid.rdtscp);
            rdtsc(c);
            c.gpr[1] = c.msrs.tscAux & 0xFFFF_FFFFL;
        });
        all.simple(Mnemonic.RDPMC, c -> {
            if ((c.cr4 & Modes.CR4_PCE) == 0) {
                privileged(c);
            }
            throw c.raise(Vector.GP); // there are no counters
        });
        all.simple(Mnemonic.RDMSR, c -> {
            privileged(c);
            long value = c.msrs.read((int) c.gpr[1]);
            c.gpr[0] = value & 0xFFFF_FFFFL;
            c.gpr[2] = value >>> 32;
        });
        all.add(Mnemonic.WRMSR, (in, ip, nextIp) -> new Leaving(ip, nextIp, c -> {
            privileged(c);
            c.msrs.write((int) c.gpr[1], c.gpr[2] << 32 | c.gpr[0] & 0xFFFF_FFFFL);
        }));
        all.simple(Mnemonic.CPUID, c -> c.cpuid.execute(c));
        all.simple(Mnemonic.INVD, SystemOps::privileged);
        all.simple(Mnemonic.WBINVD, SystemOps::privileged);
        for (Mnemonic nothing : new Mnemonic[] {Mnemonic.LFENCE, Mnemonic.MFENCE, Mnemonic.SFENCE}) {
            all.simple(nothing, c -> java.lang.invoke.VarHandle.fullFence());
        }
        for (Mnemonic flush : new Mnemonic[] {Mnemonic.CLFLUSH, Mnemonic.CLFLUSHOPT, Mnemonic.CLWB}) {
            all.add(flush, Flush::new);
        }
        all.add(Mnemonic.INVLPG, InvalidatePage::new);
        all.add(Mnemonic.INVPCID, InvalidateContext::new);
        all.simple(Mnemonic.SWAPGS, c -> {
            privileged(c);
            long base = c.segmentBase[Segments.GS];
            c.segmentBase[Segments.GS] = c.msrs.kernelGsBase;
            c.msrs.kernelGsBase = base;
        });
        all.simple(Mnemonic.MONITOR, c -> feature(c, c.cpl == 0 && c.cpuid.has(CpuFeature.MONITOR)));
        all.simple(Mnemonic.MWAIT, c -> feature(c, c.cpl == 0 && c.cpuid.has(CpuFeature.MONITOR)));
        for (Mnemonic call : new Mnemonic[] {Mnemonic.VMCALL, Mnemonic.VMMCALL}) {
            all.add(call, (in, ip, nextIp) -> new Leaving(ip, nextIp, c -> c.gpr[0] = c.outside.hypercall(c)));
        }
        for (Mnemonic extended : new Mnemonic[] {Mnemonic.XGETBV, Mnemonic.XSETBV, Mnemonic.XSAVE, Mnemonic.XRSTOR,
            Mnemonic.XSAVEOPT, Mnemonic.ADCX, Mnemonic.ADOX}) {
            all.add(extended, (in, ip, nextIp) -> new Flow.Raise(Vector.UD, ip));
        }
        all.simple(Mnemonic.RDPKRU, c -> {
            needsKeys(c, false);
            c.gpr[0] = c.pkru & 0xFFFF_FFFFL;
            c.gpr[2] = 0;
        });
        all.add(Mnemonic.WRPKRU, (in, ip, nextIp) -> new Leaving(ip, nextIp, c -> {
            needsKeys(c, true);
            c.pkru = (int) c.gpr[0];
            Modes.keys(c);
        }));
        all.add(Mnemonic.CLAC, (in, ip, nextIp) -> new Leaving(ip, nextIp, c -> accessFlag(c, false)));
        all.add(Mnemonic.STAC, (in, ip, nextIp) -> new Leaving(ip, nextIp, c -> accessFlag(c, true)));
        all.add(Mnemonic.RDRAND, (in, ip, nextIp) -> new Random(in, ip, nextIp, CpuFeature.RDRAND));
        all.add(Mnemonic.RDSEED, (in, ip, nextIp) -> new Random(in, ip, nextIp, CpuFeature.RDSEED));
        all.add(Mnemonic.RDFSBASE, (in, ip, nextIp) -> new SegmentBase(in, ip, nextIp, Segments.FS, false));
        all.add(Mnemonic.RDGSBASE, (in, ip, nextIp) -> new SegmentBase(in, ip, nextIp, Segments.GS, false));
        all.add(Mnemonic.WRFSBASE, (in, ip, nextIp) -> new SegmentBase(in, ip, nextIp, Segments.FS, true));
        all.add(Mnemonic.WRGSBASE, (in, ip, nextIp) -> new SegmentBase(in, ip, nextIp, Segments.GS, true));
        all.add(Mnemonic.RDPID, (in, ip, nextIp) -> {
            int register = in.rm;
            return new FlagOps.Simple(c -> {
                feature(c, c.cpuid.has(CpuFeature.RDPID));
                c.gpr[register] = c.msrs.tscAux;
            }, ip, nextIp);
        });
        all.add(Mnemonic.LMSW, LoadMachineStatus::new);
        all.add(Mnemonic.SMSW, StoreMachineStatus::new);
    }

    private static void needsKeys(Cpu c, boolean write) {
        if ((c.cr4 & Modes.CR4_PKE) == 0) {
            throw c.raise(Vector.UD);
        }
        if (((int) c.gpr[1] | (write ? (int) c.gpr[2] : 0)) != 0) {
            throw c.raise(Vector.GP);
        }
    }

    /** Faults outside privilege level 0. */
    static void privileged(Cpu c) {
        if (c.cpl != 0) {
            throw c.raise(Vector.GP);
        }
    }

    private static void feature(Cpu c, boolean announced) {
        if (!announced) {
            throw c.raise(Vector.UD);
        }
    }

    private static void accessFlag(Cpu c, boolean on) {
        feature(c, c.cpuid.smap && c.cpl == 0);
        c.flags = on ? c.flags | Flags.AC : c.flags & ~Flags.AC;
        Modes.alignment(c);
        Modes.stamp(c);
    }

    private static void rdtsc(Cpu c) {
        if ((c.cr4 & Modes.CR4_TSD) != 0) {
            privileged(c);
        }
        long value = c.msrs.timeStamp();
        c.gpr[0] = value & 0xFFFF_FFFFL;
        c.gpr[2] = value >>> 32;
    }

    /** Whether CLI and STI work on VIF rather than on IF; faults if on neither. */
    private static boolean virtualFlag(Cpu c) {
        int iopl = (c.flags & Flags.IOPL) >> 12;
        if ((c.cr0 & Modes.CR0_PE) == 0 || c.cpl <= iopl) {
            return false;
        }
        boolean virtual = (c.flags & Flags.VM) != 0;
        boolean extension = virtual ? (c.cr4 & Modes.CR4_VME) != 0 : (c.cr4 & Modes.CR4_PVI) != 0 && c.cpl == 3;
        if (!extension) {
            throw c.raise(Vector.GP);
        }
        return true;
    }

    private static void cli(Cpu c) {
        c.flags &= virtualFlag(c) ? ~Flags.VIF : ~Flags.IF;
    }

    /**
     * STI. Interrupts stay off for one more instruction. The instructions of a block follow each other without a look at
     * interrupts, so the block is left only if one is waiting, or if the next instruction is in another one: between the two
     * one could come, and the HLT of a guest that has just looked for work would sleep through it.
     */
    private static final class Sti extends Op {
        Sti(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            if (virtualFlag(c)) {
                if ((c.flags & Flags.VIP) != 0) {
                    throw c.raise(Vector.GP);
                }
                c.flags |= Flags.VIF;
                return next;
            }
            if ((c.flags & Flags.IF) == 0) {
                c.flags |= Flags.IF;
                if (c.attention != 0 || c.interruptWaits() || next instanceof Flow.Proceed) {
                    c.shadow = 2;
                    c.attend(Cpu.ATTEND_STEP | Cpu.ATTEND_INTERRUPT);
                    c.rip = nextIp;
                    return null;
                }
            }
            return next;
        }
    }

    /** CLFLUSH: an access without effect. */
    private static final class Flush extends MemoryOp {
        Flush(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            c.mmu.checkRead(address(c, 1, false), 1, c.cpl == 3);
            return next;
        }
    }

    /** INVLPG. */
    private static final class InvalidatePage extends MemoryOp {
        InvalidatePage(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            privileged(c);
            long linear = c.codeSize == 64 ? (segment >= Segments.FS ? c.segmentBase[segment] : 0) + offset(c)
                    : c.segmentBase[segment] + offset(c) & 0xFFFF_FFFFL;
            c.mmu.flushPage(linear);
            c.rip = nextIp;
            return null;
        }
    }

    /** INVPCID: without process-context identifiers every form flushes at least what it names. */
    private static final class InvalidateContext extends MemoryOp {
        private final int type;

        InvalidateContext(Instruction in, long ip, long nextIp) {
            this.ip = ip;
            this.nextIp = nextIp;
            memory(in);
            type = in.reg;
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            feature(c, c.cpuid.has(CpuFeature.INVPCID));
            privileged(c);
            long linear = address(c, 16, false);
            long context = c.readLong(linear);
            c.readLong(linear + 8);
            if (c.gpr[type] < 0 || c.gpr[type] > 3 || context >>> 12 != 0 || c.gpr[type] < 2 && context != 0) {
                throw c.raise(Vector.GP);
            }
            c.mmu.flushAll();
            c.rip = nextIp;
            return null;
        }
    }

    /** RDRAND and RDSEED. */
    private static final class Random extends Op {
        private final int s;
        private final int register;
        private final CpuFeature announced;

        Random(Instruction in, long ip, long nextIp, CpuFeature announced) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.announced = announced;
            s = Width.of(in.operandSize);
            register = in.rm;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            feature(c, c.cpuid.has(announced));
            Width.set(c.gpr, s, register, c.outside.random());
            Flags.setArithmetic(c, Flags.CF);
            return next;
        }
    }

    /** RDFSBASE and its kin. */
    private static final class SegmentBase extends Op {
        private final int segment;
        private final boolean write;
        private final int register;
        private final boolean wide;

        SegmentBase(Instruction in, long ip, long nextIp, int segment, boolean write) {
            this.ip = ip;
            this.nextIp = nextIp;
            this.segment = segment;
            this.write = write;
            register = in.rm;
            wide = in.rexW();
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            feature(c, (c.cr4 & Modes.CR4_FSGSBASE) != 0);
            if (write) {
                long value = wide ? c.gpr[register] : c.gpr[register] & 0xFFFF_FFFFL;
                if (value << 16 >> 16 != value) {
                    throw c.raise(Vector.GP);
                }
                c.segmentBase[segment] = value;
            } else {
                c.gpr[register] = wide ? c.segmentBase[segment] : c.segmentBase[segment] & 0xFFFF_FFFFL;
            }
            return next;
        }
    }

    /** LMSW: the low four bits of CR0; PE can only be set. */
    private static final class LoadMachineStatus extends RmOp {
        LoadMachineStatus(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
        }

        @Override
        public boolean endsBlock() {
            return true;
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            privileged(c);
            long value = load(c) & 0xF;
            ControlRegisters.setCr0(c, c.cr0 & ~0xEL | value);
            c.rip = nextIp;
            return null;
        }
    }

    /** SMSW. */
    private static final class StoreMachineStatus extends RmOp {
        private final int target;

        StoreMachineStatus(Instruction in, long ip, long nextIp) {
            super(in, ip, nextIp, 0);
            target = Width.of(in.operandSize);
        }

        @Override
        public @Nullable Op execute(Cpu c) {
            DescriptorOps.userModePrevention(c);
            if (inMemory) {
                c.writeShort(address(c, 2, true), (int) c.cr0);
            } else {
                Width.set(c.gpr, target, register, c.cr0);
            }
            return next;
        }
    }
}
