package dev.vz.kvm;

import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.Cpuid.Entry;
import dev.vz.cpu.x86.Cpuid.Register;
import dev.vz.cpu.x86.CpuFeature;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes a table for guests out of what KVM supports (KVM API, KVM_GET_SUPPORTED_CPUID: "userspace … must clear features
 * that it cannot support"). Three things in it are the host's and not the guest's: which processor it ran on, how the
 * host's caches are shared, and features that need a local APIC where the machine has none.
 */
final class CpuidFilter {

    private static final int EXTENDED_TOPOLOGY = 0xB;
    private static final int AMD_FEATURES = 0x8000_0001;
    private static final int ADDRESS_SIZES = 0x8000_0008;
    private static final int KVM_FEATURES = 0x4000_0001;
    /** Core multi-processing legacy mode: EBX of leaf 1 counts cores. */
    private static final int CMP_LEGACY = 1 << 1;
    /** Leaves 0x8000001D and 0x8000001E tell the topology. */
    private static final int TOPOLOGY_EXTENSIONS = 1 << 22;
    /** kvmclock (bits 0 and 3), no I/O delay (1) and the stable bit (24): what works without a local APIC. */
    private static final int KVM_WITHOUT_LAPIC = 1 | 1 << 1 | 1 << 3 | 1 << 24;

    private CpuidFilter() {
    }

    static Cpuid forMachine(Cpuid supported, Interrupts interrupts, boolean deadlineTimer) {
        boolean lapic = interrupts != Interrupts.NONE;
        var entries = new ArrayList<Entry>();
        for (Entry entry : supported.entries()) {
            switch (entry.function()) {
                case EXTENDED_TOPOLOGY, 0x1F -> {
                    // Written anew below: the host's levels say nothing about the guest.
                }
                case 4 -> entries.add(entry.with(Register.EAX, entry.eax() & 0x3FFF));
                case 0x8000_001D -> entries.add(entry.with(Register.EAX, entry.eax() & 0x3FFF));
                case 0x8000_001E -> {
                    // Node and core of the host's processor.
                }
                case AMD_FEATURES -> entries.add(entry.with(Register.ECX,
                        entry.ecx() & ~(CMP_LEGACY | TOPOLOGY_EXTENSIONS)));
                case ADDRESS_SIZES -> entries.add(entry.with(Register.ECX, 0));
                case KVM_FEATURES -> entries.add(lapic
                        ? entry
                        : entry.with(Register.EAX, entry.eax() & KVM_WITHOUT_LAPIC));
                default -> entries.add(entry);
            }
        }
        if (lapic && supported.find(0, 0).map(Entry::eax).orElse(0) >= EXTENDED_TOPOLOGY) {
            entries.add(Entry.of(EXTENDED_TOPOLOGY, 0, 0, 0, 0, 0));
            entries.add(Entry.of(EXTENDED_TOPOLOGY, 1, 0, 0, 0, 0));
            entries.add(Entry.of(EXTENDED_TOPOLOGY, 2, 0, 0, 0, 0));
        }
        var cpuid = new Cpuid(entries).forProcessor(0, 1).with(CpuFeature.HYPERVISOR, true)
                .with(CpuFeature.TSC_DEADLINE, lapic && deadlineTimer);
        if (!lapic) {
            for (CpuFeature feature : List.of(CpuFeature.APIC, CpuFeature.X2APIC)) {
                cpuid = cpuid.with(feature, false);
            }
        }
        // Follows CR4, and KVM keeps it up to date.
        return cpuid.with(CpuFeature.OSXSAVE, false);
    }
}
