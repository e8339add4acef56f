package dev.vz.cpu.x86;

import dev.vz.error.CapabilityException;
import java.util.List;
import java.util.Optional;

/**
 * The whole architectural state of one processor, independent of the back end.
 *
 * @param cpuid     what CPUID answers
 * @param registers general registers
 * @param special   special registers
 * @param xcr0      enabled state components
 * @param xsave     vector state
 * @param debug     debug registers
 * @param msrs      model-specific registers
 * @param lapic     the local APIC; empty where the machine has none
 * @param mpState   whether it runs, waits or is halted
 * @param events    what it has accepted but not finished
 */
public record X86State(Cpuid cpuid, GeneralRegisters registers, SpecialRegisters special, long xcr0, XsaveArea xsave,
        DebugRegisters debug, List<MsrEntry> msrs, Optional<LapicState> lapic, MpState mpState, VcpuEvents events) {

    /** Copies the list. */
    public X86State {
        msrs = List.copyOf(msrs);
    }

    static X86State of(X86Vcpu vcpu) {
        Optional<LapicState> lapic;
        try {
            lapic = Optional.of(vcpu.lapic());
        } catch (CapabilityException withoutInterruptControllers) {
            lapic = Optional.empty();
        }
        return new X86State(vcpu.cpuid(), vcpu.registers(), vcpu.specialRegisters(), vcpu.xcr0(), vcpu.xsave(),
                vcpu.debugRegisters(), vcpu.msrs(vcpu.supportedMsrs()), lapic, vcpu.mpState(), vcpu.events());
    }

    /**
     * Order matters: CPUID decides which bits the others may have, EFER and the APIC base come with the special
     * registers before the MSRs and the local APIC, and the TSC deadline needs the timer mode that the local APIC holds.
     */
    void applyTo(X86Vcpu vcpu) {
        List<CpuFeature> missing = vcpu.supportedCpuid().missingFrom(cpuid);
        if (!missing.isEmpty()) {
            throw new CapabilityException("The saved processor state needs " + missing
                    + ", which this back end or host does not have; resume it where they are, or save it again with "
                    + "these features hidden");
        }
        List<Integer> known = vcpu.supportedMsrs();
        List<MsrEntry> early = msrs.stream()
                .filter(m -> known.contains(m.index()) && m.index() != Msr.TSC_DEADLINE).toList();
        List<MsrEntry> late = msrs.stream().filter(m -> m.index() == Msr.TSC_DEADLINE && known.contains(m.index()))
                .toList();
        vcpu.setCpuid(cpuid);
        vcpu.setMpState(mpState);
        vcpu.setXcr0(xcr0);
        vcpu.setXsave(xsave);
        vcpu.setSpecialRegisters(special);
        vcpu.setRegisters(registers);
        vcpu.setDebugRegisters(debug);
        vcpu.setMsrs(early);
        lapic.ifPresent(vcpu::setLapic);
        vcpu.setMsrs(late);
        vcpu.setEvents(events);
    }
}
