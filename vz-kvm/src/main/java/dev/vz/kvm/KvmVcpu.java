package dev.vz.kvm;

import dev.vz.cpu.VcpuExit;
import dev.vz.cpu.VcpuExitHandler;
import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.DebugRegisters;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.GuestDebug;
import dev.vz.cpu.x86.InterruptInjection;
import dev.vz.cpu.x86.LapicState;
import dev.vz.cpu.x86.MpState;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.TscControl;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.cpu.x86.X86State;
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.cpu.x86.XsaveArea;
import dev.vz.error.CapabilityException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.memory.MappedMemory;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU of KVM.
 *
 * <p>
 * A platform thread runs it; a virtual thread is refused, because KVM_RUN pins its carrier. A vCPU of a machine without
 * interrupt controllers is also {@link InterruptInjection}; one whose kernel can set the clock's frequency is
 * {@link TscControl}. CPUID is set at creation to {@link #supportedCpuid()} and can be replaced before the first run.
 * Reading or writing the state while another thread is inside {@code run} throws {@link LifecycleException}.
 */
public abstract sealed class KvmVcpu implements X86Vcpu, GuestDebug permits BareVcpu, WiredVcpu {

    private final int id;
    private final String name;
    private final FileDescriptor descriptor;
    private final MappedMemory mapping;
    private final @Nullable MappedMemory ringMapping;
    private final KvmDirtyRing.@Nullable Ring ring;
    private final RunPage page;
    private final RunGate gate;
    private final VcpuRunner runner;
    private final VcpuState state;
    private final MachineFeatures features;
    private final Cpuid supported;
    private final List<Integer> restorableMsrs;
    private final ResetState resetState;
    private final KvmProcessor processor;

    KvmVcpu(VcpuParts parts) {
        this.id = parts.id();
        this.name = parts.name();
        this.descriptor = parts.descriptor();
        this.mapping = parts.mapping();
        this.ringMapping = parts.ring();
        this.ring = parts.ring() == null ? null : new KvmDirtyRing.Ring(parts.ring().segment());
        this.features = parts.features();
        this.page = new RunPage(mapping.segment());
        this.gate = new RunGate(name, page);
        this.runner = new VcpuRunner(name, descriptor, page, gate);
        this.state = new VcpuState(descriptor, features);
        this.processor = new KvmProcessor(name, descriptor, parts.host(), gate, page, state, features);
        state.setCpuid(parts.supported());
        this.supported = parts.host().shown(state, parts.supported());
        this.restorableMsrs = parts.host().restorableMsrs(features.interrupts(), state);
        this.resetState = ResetState.of(state, features, restorableMsrs);
    }

    @Override
    public final int id() {
        return id;
    }

    // ------------------------------------------------------------------------------------------------ running

    @Override
    public final VcpuExit run() {
        return runner.run();
    }

    @Override
    public final Outcome run(VcpuExitHandler handler) {
        return runner.run(handler);
    }

    @Override
    public final void answer(long value) {
        runner.answer(value);
    }

    @Override
    public final void answerFault() {
        runner.answerFault();
    }

    @Override
    public final MemorySegment exitData() {
        return runner.exitData();
    }

    @Override
    public final void kick() {
        gate.request(RunGate.KICK);
    }

    /** Raises a non-maskable interrupt: at once if it is running, otherwise at the next run. Any thread. */
    public final void nmi() {
        gate.request(RunGate.NMI);
    }

    // -------------------------------------------------------------------------------------------------- state

    @Override
    public final GeneralRegisters registers() {
        return gate.read(state::registers);
    }

    @Override
    public final void setRegisters(GeneralRegisters registers) {
        gate.change(() -> state.setRegisters(registers));
    }

    @Override
    public final SpecialRegisters specialRegisters() {
        return gate.read(state::special);
    }

    @Override
    public final void setSpecialRegisters(SpecialRegisters registers) {
        gate.change(() -> state.setSpecial(registers));
    }

    @Override
    public final XsaveArea xsave() {
        return gate.read(state::xsave);
    }

    @Override
    public final void setXsave(XsaveArea area) {
        gate.change(() -> state.setXsave(area));
    }

    @Override
    public final long xcr0() {
        return gate.read(state::xcr0);
    }

    @Override
    public final void setXcr0(long value) {
        gate.change(() -> state.setXcr0(value));
    }

    @Override
    public final DebugRegisters debugRegisters() {
        return gate.read(state::debugRegisters);
    }

    @Override
    public final void setDebugRegisters(DebugRegisters registers) {
        gate.change(() -> state.setDebugRegisters(registers));
    }

    @Override
    public final List<Integer> supportedMsrs() {
        return restorableMsrs;
    }

    @Override
    public final List<MsrEntry> msrs(List<Integer> indices) {
        return gate.read(() -> state.msrs(indices));
    }

    @Override
    public final void setMsrs(List<MsrEntry> entries) {
        gate.change(() -> state.setMsrs(entries));
    }

    @Override
    public final Cpuid cpuid() {
        return gate.read(state::cpuid);
    }

    @Override
    public final void setCpuid(Cpuid cpuid) {
        gate.change(() -> state.setCpuid(cpuid));
    }

    @Override
    public final Cpuid supportedCpuid() {
        return supported;
    }

    @Override
    public final MpState mpState() {
        return gate.read(state::mpState);
    }

    @Override
    public final void setMpState(MpState value) {
        gate.change(() -> state.setMpState(value));
    }

    @Override
    public final VcpuEvents events() {
        return gate.read(() -> {
            // What was requested while nobody ran it is part of the answer.
            runner.deliverRequests();
            return state.events();
        });
    }

    @Override
    public final void setEvents(VcpuEvents events) {
        gate.change(() -> state.setEvents(events));
    }

    @Override
    public final LapicState lapic() {
        requireLapic();
        return gate.read(state::lapic);
    }

    @Override
    public final void setLapic(LapicState value) {
        requireLapic();
        gate.change(() -> state.setLapic(value));
    }

    private void requireLapic() {
        if (!features.hasLapic()) {
            throw new CapabilityException(name + " has no local APIC: its machine was made without interrupt "
                    + "controllers");
        }
    }

    @Override
    public final void reset() {
        gate.change(() -> {
            runner.finishInstruction();
            resetState.applyTo(state);
        });
    }

    /** Everything at once. Finishes the access of the last exit first; one that is not answered reads zeros. */
    @Override
    public final X86State save() {
        return gate.read(() -> {
            runner.finishInstruction();
            return X86Vcpu.super.save();
        });
    }

    @Override
    public final void restore(X86State saved) {
        gate.change(() -> {
            runner.finishInstruction();
            X86Vcpu.super.restore(saved);
        });
    }

    @Override
    public final void setDebug(Settings settings) {
        gate.change(() -> state.setDebug(settings));
    }

    /** What KVM has to it beyond the portable state. */
    public final KvmProcessor processor() {
        return processor;
    }

    /** Page {@code number} of what it shares with the kernel. */
    final MemorySegment page(int number) {
        return mapping.segment().asSlice(number * MappedMemory.PAGE, MappedMemory.PAGE);
    }

    /** Its dirty ring; {@code null} if it has none. */
    final KvmDirtyRing.@Nullable Ring ring() {
        return ring;
    }

    // ----------------------------------------------------------------------------------------------- lifetime

    /**
     * Releases it.
     *
     * @throws LifecycleException if a thread is inside {@code run}: kick it first, or close the machine, which does
     */
    @Override
    public final void close() {
        if (gate.isRunning()) {
            throw new LifecycleException(
                    name + " is running; kick it and wait for its run to return before closing it");
        }
        if (gate.close()) {
            gate.awaitRequesters();
            release();
        }
    }

    /** Whether the calling thread is inside {@code run} of this vCPU. */
    final boolean isRunByCaller() {
        return gate.isRunner();
    }

    /** Whether it is not closed. */
    final boolean isOpen() {
        return gate.isOpen();
    }

    /** First half of the machine's close: nobody enters any more. Returns whether the second half is still to be done. */
    final boolean shut() {
        return gate.close();
    }

    /** Second half of the machine's close: whoever is inside leaves, and everything is released. */
    final void expelAndRelease() {
        gate.expel();
        release();
    }

    private void release() {
        if (ringMapping != null) {
            ringMapping.close();
        }
        mapping.close();
        descriptor.close();
    }

    @Override
    public final String toString() {
        return name;
    }
}
