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
import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.cpu.x86.XsaveArea;
import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * A vCPU of KVM.
 *
 * <p>
 * A platform thread runs it; a virtual thread is refused, because KVM_RUN pins its carrier. A vCPU of a machine without
 * interrupt controllers is also {@link InterruptInjection}; one whose kernel can set the clock's frequency is
 * {@link TscControl}. CPUID is set at creation to {@link #supportedCpuid()} and can be replaced before the first run.
 * Reading or writing the state while another thread is inside {@code run} throws {@link LifecycleException}.
 */
public abstract sealed class KvmVcpu implements X86Vcpu, GuestDebug {

    private final int id;
    private final String name;
    private final FileDescriptor descriptor;
    private final MappedMemory mapping;
    private final RunPage page;
    private final RunGate gate;
    private final VcpuRunner runner;
    private final VcpuState state;
    private final MachineFeatures features;
    private final Cpuid supported;
    private final List<Integer> readableMsrs;
    private final ResetState resetState;

    KvmVcpu(Parts parts) {
        this.id = parts.id;
        this.name = parts.name;
        this.descriptor = parts.descriptor;
        this.mapping = parts.mapping;
        this.features = parts.features;
        this.page = new RunPage(mapping.segment());
        this.gate = new RunGate(name, page);
        this.runner = new VcpuRunner(name, descriptor, page, gate);
        this.state = new VcpuState(descriptor, features);
        state.setCpuid(parts.supported);
        // Read back, because a KVM that cannot intercept CPUID everywhere adds what unprivileged code sees anyway.
        this.supported = state.cpuid();
        this.readableMsrs = parts.host.readableMsrs(features.interrupts(), state);
        this.resetState = ResetState.of(state, features, readableMsrs);
    }

    /** What a vCPU is put together from. */
    record Parts(int id, String name, FileDescriptor descriptor, MappedMemory mapping,
            MachineFeatures features, Cpuid supported, KvmHost host) {}

    /** Creates vCPU {@code id} of {@code machine}. */
    static KvmVcpu create(KvmVirtualMachine machine, int id) {
        String name = "vCPU " + id + " of machine \"" + machine.config().name() + "\"";
        int number = Ioctl.checked("ioctl KVM_CREATE_VCPU " + id, machine.descriptor(), KvmHeaders.KVM_CREATE_VCPU(),
                id);
        FileDescriptor descriptor = FileDescriptor.adopt(number, name);
        try {
            KvmHost host = machine.host();
            MappedMemory mapping = MappedMemory.map(Mapping.of(descriptor, 0, host.vcpuMappingSize()).named(name));
            try {
                Cpuid cpuid = host.machineCpuid(machine.config().interrupts())
                        .forProcessor(id, machine.config().maxVcpus());
                var parts = new Parts(id, name, descriptor, mapping, machine.features(), cpuid, host);
                boolean clock = host.has(KvmCapability.TSC_CONTROL);
                if (machine.features().hasLapic()) {
                    return clock ? new WiredWithClock(parts) : new Wired(parts);
                }
                return clock ? new BareWithClock(parts) : new Bare(parts);
            } catch (RuntimeException | Error failure) {
                mapping.close();
                throw failure;
            }
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
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
        return turn().registers();
    }

    @Override
    public final void setRegisters(GeneralRegisters registers) {
        turn().setRegisters(registers);
    }

    @Override
    public final SpecialRegisters specialRegisters() {
        return turn().special();
    }

    @Override
    public final void setSpecialRegisters(SpecialRegisters registers) {
        turn().setSpecial(registers);
    }

    @Override
    public final XsaveArea xsave() {
        return turn().xsave();
    }

    @Override
    public final void setXsave(XsaveArea area) {
        turn().setXsave(area);
    }

    @Override
    public final long xcr0() {
        return turn().xcr0();
    }

    @Override
    public final void setXcr0(long value) {
        turn().setXcr0(value);
    }

    @Override
    public final DebugRegisters debugRegisters() {
        return turn().debugRegisters();
    }

    @Override
    public final void setDebugRegisters(DebugRegisters registers) {
        turn().setDebugRegisters(registers);
    }

    @Override
    public final List<Integer> supportedMsrs() {
        return readableMsrs;
    }

    @Override
    public final List<MsrEntry> msrs(List<Integer> indices) {
        return turn().msrs(indices);
    }

    @Override
    public final void setMsrs(List<MsrEntry> entries) {
        turn().setMsrs(entries);
    }

    @Override
    public final Cpuid cpuid() {
        return turn().cpuid();
    }

    @Override
    public final void setCpuid(Cpuid cpuid) {
        turn().setCpuid(cpuid);
    }

    @Override
    public final Cpuid supportedCpuid() {
        return supported;
    }

    @Override
    public final MpState mpState() {
        return turn().mpState();
    }

    @Override
    public final void setMpState(MpState value) {
        turn().setMpState(value);
    }

    @Override
    public final VcpuEvents events() {
        return turn().events();
    }

    @Override
    public final void setEvents(VcpuEvents events) {
        turn().setEvents(events);
    }

    @Override
    public final LapicState lapic() {
        requireLapic();
        return turn().lapic();
    }

    @Override
    public final void setLapic(LapicState value) {
        requireLapic();
        turn().setLapic(value);
    }

    private void requireLapic() {
        if (!features.hasLapic()) {
            throw new CapabilityException(name + " has no local APIC: its machine was made without interrupt "
                    + "controllers");
        }
    }

    @Override
    public final void reset() {
        resetState.applyTo(turn());
    }

    @Override
    public final void setDebug(Settings settings) {
        turn().setDebug(settings);
    }

    /** The state, after a check that the calling thread may touch it. */
    private VcpuState turn() {
        gate.requireAccess();
        return state;
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
        mapping.close();
        descriptor.close();
    }

    @Override
    public final String toString() {
        return name;
    }

    // ----------------------------------------------------------------------------- what only some vCPUs can do

    boolean inject(int vector) {
        if (vector < 0 || vector > 255) {
            throw new ConfigurationException("An interrupt has a vector from 0 to 255, got " + vector + " for " + name);
        }
        VcpuState now = turn();
        VcpuEvents events = now.events();
        boolean ready = (now.registers().rflags() & 1 << 9) != 0 && events.interrupt().shadow() == 0
                && !events.interrupt().injected();
        if (ready) {
            now.set("KVM_INTERRUPT " + vector, KvmHeaders.KVM_INTERRUPT(), 4,
                    s -> s.set(ValueLayout.JAVA_INT, 0, vector));
        }
        return ready;
    }

    void requestInterruptWindow(boolean wanted) {
        gate.requireAccess();
        page.putByte(RunPage.REQUEST_INTERRUPT_WINDOW, wanted ? 1 : 0);
    }

    long tscKilohertz() {
        gate.requireAccess();
        return Ioctl.checked("ioctl KVM_GET_TSC_KHZ", descriptor, KvmHeaders.KVM_GET_TSC_KHZ(), 0);
    }

    void setTscKilohertz(long kilohertz) {
        gate.requireAccess();
        if (kilohertz <= 0 || kilohertz > Integer.MAX_VALUE) {
            throw new ConfigurationException("The clock of " + name + " cannot tick " + kilohertz + " times a "
                    + "millisecond");
        }
        Ioctl.checked("ioctl KVM_SET_TSC_KHZ " + kilohertz, descriptor, KvmHeaders.KVM_SET_TSC_KHZ(), kilohertz);
    }

    /** Interrupts come from controllers in the kernel. */
    static final class Wired extends KvmVcpu {
        Wired(Parts parts) {
            super(parts);
        }
    }

    /** The same where the clock's frequency can be set. */
    static final class WiredWithClock extends KvmVcpu implements TscControl {
        WiredWithClock(Parts parts) {
            super(parts);
        }

        @Override
        public long tscKilohertz() {
            return super.tscKilohertz();
        }

        @Override
        public void setTscKilohertz(long kilohertz) {
            super.setTscKilohertz(kilohertz);
        }
    }

    /** Interrupts come from the caller. */
    static final class Bare extends KvmVcpu implements InterruptInjection {
        Bare(Parts parts) {
            super(parts);
        }

        @Override
        public boolean inject(int vector) {
            return super.inject(vector);
        }

        @Override
        public void requestInterruptWindow(boolean wanted) {
            super.requestInterruptWindow(wanted);
        }
    }

    /** The same where the clock's frequency can be set. */
    static final class BareWithClock extends KvmVcpu implements InterruptInjection, TscControl {
        BareWithClock(Parts parts) {
            super(parts);
        }

        @Override
        public boolean inject(int vector) {
            return super.inject(vector);
        }

        @Override
        public void requestInterruptWindow(boolean wanted) {
            super.requestInterruptWindow(wanted);
        }

        @Override
        public long tscKilohertz() {
            return super.tscKilohertz();
        }

        @Override
        public void setTscKilohertz(long kilohertz) {
            super.setTscKilohertz(kilohertz);
        }
    }
}
