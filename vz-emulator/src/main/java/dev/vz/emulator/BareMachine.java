package dev.vz.emulator;

import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.InterruptLine;

/** A machine without interrupt controllers: its caller injects interrupts. */
final class BareMachine extends EmulatedMachine {

    BareMachine(VirtualMachineConfig config) {
        super(config);
    }

    @Override
    EmulatedVcpu newVcpu(int id) {
        return new EmulatedVcpu.Bare(this, id);
    }

    @Override
    public InterruptLine line(int gsi) {
        throw new CapabilityException(
                "Machine \"" + config().name() + "\" was made without interrupt controllers, so it "
                        + "has no line " + gsi + "; make it with VirtualMachineConfig.Interrupts.FULL");
    }
}
