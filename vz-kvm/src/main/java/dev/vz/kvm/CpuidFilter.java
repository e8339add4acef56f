package dev.vz.kvm;

import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.Cpuid.Entry;
import dev.vz.cpu.x86.Cpuid.Register;
import dev.vz.cpu.x86.CpuFeature;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import java.util.ArrayList;

/**
 * Makes a table for guests out of what KVM supports (KVM API, KVM_GET_SUPPORTED_CPUID: user space clears the features
 * that it does not support). What depends on the local APIC follows the machine; the topology is for
 * {@link Cpuid#forProcessor} to write.
 */
final class CpuidFilter {

    private static final int KVM_FEATURES = 0x4000_0001;
    /** kvmclock (bits 0 and 3), no I/O delay (1) and the stable bit (24): what works without a local APIC. */
    private static final int KVM_WITHOUT_LAPIC = 1 | 1 << 1 | 1 << 3 | 1 << 24;

    private CpuidFilter() {}

    /**
     * @param supported     what KVM_GET_SUPPORTED_CPUID gave
     * @param deadlineTimer whether the kernel's local APIC has the TSC deadline timer, which that call does not tell
     */
    static Cpuid forMachine(Cpuid supported, Interrupts interrupts, boolean deadlineTimer) {
        boolean lapic = interrupts != Interrupts.NONE;
        var entries = new ArrayList<Entry>();
        for (Entry entry : supported.entries()) {
            entries.add(entry.function() == KVM_FEATURES && !lapic
                    ? entry.with(Register.EAX, entry.eax() & KVM_WITHOUT_LAPIC)
                    : entry);
        }
        var cpuid = new Cpuid(entries).with(CpuFeature.HYPERVISOR, true)
                .with(CpuFeature.TSC_DEADLINE, lapic && deadlineTimer)
                // Follows CR4, and KVM keeps it up to date.
                .with(CpuFeature.OSXSAVE, false);
        return lapic ? cpuid : cpuid.with(CpuFeature.APIC, false).with(CpuFeature.X2APIC, false);
    }
}
