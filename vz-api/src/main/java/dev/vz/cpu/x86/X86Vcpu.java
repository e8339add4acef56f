package dev.vz.cpu.x86;

import dev.vz.cpu.Vcpu;
import java.util.List;

/**
 * A virtual x86-64 processor and its whole architectural state.
 *
 * <p>
 * The state may be read and written between runs, by the thread that runs it or while no thread does (see
 * {@link Vcpu}). Debugging, injection and clock control are interfaces that it may implement as well:
 * {@link GuestDebug}, {@link InterruptInjection}, {@link TscControl}.
 */
public interface X86Vcpu extends Vcpu {

    /** The general registers. */
    GeneralRegisters registers();

    /** Sets the general registers. */
    void setRegisters(GeneralRegisters registers);

    /** The special registers. */
    SpecialRegisters specialRegisters();

    /**
     * Sets the special registers.
     *
     * @throws dev.vz.error.HostException or {@link dev.vz.error.ConfigurationException} if the back end refuses the
     *                                    combination
     */
    void setSpecialRegisters(SpecialRegisters registers);

    /** The x87, SSE and further vector state. */
    XsaveArea xsave();

    /** Sets the vector state. */
    void setXsave(XsaveArea area);

    /** XCR0: the state components that are enabled. */
    long xcr0();

    /** Sets XCR0. */
    void setXcr0(long value);

    /** The debug registers. */
    DebugRegisters debugRegisters();

    /** Sets the debug registers. */
    void setDebugRegisters(DebugRegisters registers);

    /** Indices of the MSRs that make up the state worth saving. */
    List<Integer> supportedMsrs();

    /**
     * Reads MSRs.
     *
     * @throws dev.vz.error.ConfigurationException naming the first index that cannot be read
     */
    List<MsrEntry> msrs(List<Integer> indices);

    /** Reads one MSR. */
    default long msr(int index) {
        return msrs(List.of(index)).getFirst().value();
    }

    /**
     * Writes MSRs, in this order.
     *
     * @throws dev.vz.error.ConfigurationException naming the first entry that is refused; those before it are written
     */
    void setMsrs(List<MsrEntry> entries);

    /** What CPUID answers on this processor. */
    Cpuid cpuid();

    /** Sets what CPUID answers; before the first run. */
    void setCpuid(Cpuid cpuid);

    /** The most that {@link #setCpuid} may announce on this back end and host. */
    Cpuid supportedCpuid();

    /** Whether it runs, waits or is halted. */
    MpState mpState();

    /** Sets whether it runs, waits or is halted. */
    void setMpState(MpState state);

    /** What it has accepted but not finished. */
    VcpuEvents events();

    /** Sets what it has accepted but not finished. */
    void setEvents(VcpuEvents events);

    /**
     * The local APIC.
     *
     * @throws dev.vz.error.CapabilityException if the machine has no interrupt controllers
     */
    LapicState lapic();

    /** Sets the local APIC. */
    void setLapic(LapicState state);

    /** Everything back to the state after power-on, except CPUID. */
    void reset();

    /** Raises #GP for the MSR access that {@code run} returned, instead of answering it. */
    void answerFault();

    /**
     * Everything at once, as a snapshot keeps it.
     *
     * <p>
     * Call it before the first run or after one that ended with {@link dev.vz.cpu.VcpuExit.Kicked}: after any other exit
     * the instruction that caused it may not be finished. Answer it, {@link #kick()} and run once more to finish it.
     */
    default X86State save() {
        return X86State.of(this);
    }

    /**
     * Puts {@code state} into it, in the order in which its parts depend on each other. MSRs that this back end does not
     * have among {@link #supportedMsrs()} are left out.
     *
     * @throws dev.vz.error.CapabilityException if the state needs a CPU feature that is not here; the message names it
     */
    default void restore(X86State state) {
        state.applyTo(this);
    }
}
