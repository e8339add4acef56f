package dev.vz.hypervisor;

import dev.vz.error.ConfigurationException;
import dev.vz.memory.GuestMemory;
import java.util.Objects;

/**
 * What a back end has to know before it makes a machine.
 *
 * @param name       appears in thread names and errors
 * @param memory     the guest's memory; the caller keeps it and closes it after the machine
 * @param interrupts where the interrupt controllers are
 * @param maxVcpus   the most vCPUs that will be created, 1 or more
 */
public record VirtualMachineConfig(String name, GuestMemory memory, Interrupts interrupts, int maxVcpus) {

    /** Where the interrupt controllers are. */
    public enum Interrupts {
        /** Nowhere: the caller injects interrupts, and {@code HLT} is an exit. For bare code and sandboxes. */
        NONE,
        /** Local APICs in the back end; PIC, IOAPIC and PIT are devices of the board. */
        SPLIT,
        /** PIC, IOAPIC, PIT and local APICs in the back end; {@code HLT} waits for an interrupt there. */
        FULL
    }

    /** Checks the numbers. */
    public VirtualMachineConfig {
        Objects.requireNonNull(name);
        Objects.requireNonNull(memory);
        Objects.requireNonNull(interrupts);
        if (maxVcpus < 1) {
            throw new ConfigurationException("Machine \"" + name + "\" needs at least one vCPU, got " + maxVcpus);
        }
    }

    /** One vCPU, no interrupt controller. */
    public static VirtualMachineConfig of(GuestMemory memory) {
        return new VirtualMachineConfig("vm", memory, Interrupts.NONE, 1);
    }

    /** The same under another name. */
    public VirtualMachineConfig named(String name) {
        return new VirtualMachineConfig(name, memory, interrupts, maxVcpus);
    }

    /** The same with interrupt controllers there. */
    public VirtualMachineConfig with(Interrupts interrupts) {
        return new VirtualMachineConfig(name, memory, interrupts, maxVcpus);
    }

    /** The same with up to {@code count} vCPUs. */
    public VirtualMachineConfig withVcpus(int count) {
        return new VirtualMachineConfig(name, memory, interrupts, count);
    }
}
