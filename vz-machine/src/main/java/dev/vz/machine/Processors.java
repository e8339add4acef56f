package dev.vz.machine;

import dev.vz.cpu.x86.CpuFeature;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.machine.boot.StartState;
import java.util.ArrayList;
import java.util.List;

/** What firmware does to the processors before it hands over to the kernel. */
final class Processors {

    private static final long MTRR_ENABLE_WRITE_BACK = 1 << 11 | 6;
    private static final long FAST_STRINGS = 1;
    /** Delivery mode ExtINT: the 8259's output goes straight through ("virtual wire"). */
    private static final int LVT_EXTINT = 7 << 8;
    private static final int LVT_NMI = 4 << 8;

    private Processors() {}

    /** Says to {@code vcpu}, one of {@code count}, what its CPUID answers. Before its first run. */
    static void identify(X86Vcpu vcpu, int count, CpuDescription description) {
        Cpuid cpuid = vcpu.supportedCpuid().with(CpuFeature.HYPERVISOR, true);
        for (CpuFeature feature : description.hidden()) {
            cpuid = cpuid.with(feature, false);
        }
        vcpu.setCpuid(cpuid.forProcessor(vcpu.id(), count));
    }

    /** Brings {@code vcpu} from reset to where it waits for a start-up IPI, or, the first one, begins at {@code start}. */
    static void prepare(X86Vcpu vcpu, StartState start) {
        var msrs = new ArrayList<MsrEntry>();
        if (vcpu.supportedMsrs().contains(Msr.MISC_ENABLE)) {
            msrs.add(new MsrEntry(Msr.MISC_ENABLE, FAST_STRINGS));
        }
        if (vcpu.cpuid().has(CpuFeature.MTRR)) {
            // All of memory is write-back; without this a kernel believes that nothing may be cached.
            msrs.add(new MsrEntry(Msr.MTRR_DEF_TYPE, MTRR_ENABLE_WRITE_BACK));
        }
        vcpu.setMsrs(List.copyOf(msrs));
        if (vcpu.id() != 0) {
            vcpu.setMpState(MpState.UNINITIALIZED);
            return;
        }
        LapicState lapic = vcpu.lapic();
        vcpu.setLapic(lapic.with(LapicState.LVT_LINT0, LVT_EXTINT).with(LapicState.LVT_LINT1, LVT_NMI));
        SpecialRegisters special = start.special().withApicBase(vcpu.specialRegisters().apicBase());
        vcpu.setSpecialRegisters(special);
        vcpu.setRegisters(start.registers());
        vcpu.setMpState(MpState.RUNNABLE);
    }
}
