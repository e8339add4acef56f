package dev.vz.hypervisor;

import dev.vz.cpu.x86.X86Vcpu;
import dev.vz.irq.InterruptLine;
import dev.vz.memory.GuestMemory;
import java.util.List;

/**
 * One guest: its memory, its vCPUs and, if it was configured so, its interrupt controllers.
 *
 * <p>
 * What only some back ends can do is an interface that the machine may implement as well: {@link dev.vz.irq.MsiSink},
 * {@link dev.vz.irq.Doorbell.Registrar}, {@link DirtyTracking}, {@link InterruptControllers}, {@link MemoryHotPlug},
 * {@link GuestClock}, {@link MsrExits}. Methods may be called from any thread.
 */
public interface VirtualMachine extends AutoCloseable {

    /** What it was made from. */
    VirtualMachineConfig config();

    /** The guest's memory. */
    default GuestMemory memory() {
        return config().memory();
    }

    /**
     * Makes a vCPU in its reset state.
     *
     * @param id 0 to {@code maxVcpus - 1}; also its APIC id
     * @throws dev.vz.error.ConfigurationException if the id is out of range or taken
     */
    X86Vcpu createVcpu(int id);

    /** The vCPUs made so far, by id. */
    List<? extends X86Vcpu> vcpus();

    /**
     * The wire to input {@code gsi} of the interrupt controllers (0 to 23 on a PC).
     *
     * @throws dev.vz.error.CapabilityException if the machine has none ({@link VirtualMachineConfig.Interrupts#NONE})
     */
    InterruptLine line(int gsi);

    /**
     * Ends the machine: kicks the vCPUs out of the guest, waits until no thread is in {@code run}, and releases
     * everything but the memory. Idempotent.
     */
    @Override
    void close();
}
