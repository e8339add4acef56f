package dev.vz.machine;

import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.Hypervisors;
import dev.vz.machine.clock.MachineClock;
import dev.vz.machine.clock.SystemClock;

/** Builds machines. */
public final class Machine {

    private Machine() {}

    /**
     * Builds what {@code description} says on {@code hypervisor}: memory, processors, the devices of the board. Nothing is
     * loaded yet and nothing runs.
     *
     * @throws CapabilityException                 if the back end cannot be used here or lacks interrupt controllers
     * @throws dev.vz.error.ConfigurationException if the description cannot be
     * @throws dev.vz.error.HostException          if the host refuses
     */
    public static BuiltMachine build(Hypervisor hypervisor, MachineDescription description) {
        return build(hypervisor, description, new SystemClock("vz-" + description.name() + "-clock"));
    }

    /** Like {@link #build(Hypervisor, MachineDescription)}, with a clock of the caller's; the machine closes it. */
    public static BuiltMachine build(Hypervisor hypervisor, MachineDescription description, MachineClock clock) {
        String missing = description.cpus().count() == 1
                ? Hypervisors.missing(hypervisor, Capability.INTERRUPT_CONTROLLER)
                : Hypervisors.missing(hypervisor, Capability.INTERRUPT_CONTROLLER, Capability.SMP);
        if (!missing.isEmpty()) {
            clock.close();
            throw new CapabilityException("Cannot build machine \"" + description.name() + "\" on hypervisor \""
                    + hypervisor.name() + "\": " + missing);
        }
        return BuiltMachine.create(hypervisor, description, clock);
    }
}
