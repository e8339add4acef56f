package dev.vz.kvm;

import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.Msr;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.XsaveArea;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What KVM makes a vCPU as, kept so that it can be made so again. KVM itself has no call for a reset. */
record ResetState(GeneralRegisters registers, SpecialRegisters special, long xcr0, DebugRegisters debug,
        List<MsrEntry> msrs, @Nullable LapicState lapic, MpState mpState) {

    static ResetState of(VcpuState state, MachineFeatures features, List<Integer> msrs) {
        return new ResetState(state.registers(), state.special(), state.xcr0(), state.debugRegisters(),
                state.msrs(msrs).stream().filter(m -> m.index() != Msr.TSC).toList(),
                features.hasLapic() ? state.lapic() : null, state.mpState());
    }

    void applyTo(VcpuState state) {
        state.setEvents(VcpuEvents.none());
        state.setXcr0(xcr0);
        state.setXsave(XsaveArea.initial());
        state.setSpecial(special);
        state.setRegisters(registers);
        state.setDebugRegisters(debug);
        state.setMsrs(msrs);
        state.setMsrs(List.of(new MsrEntry(Msr.TSC, 0)));
        if (lapic != null) {
            state.setLapic(lapic);
        }
        state.setMpState(mpState);
    }
}
