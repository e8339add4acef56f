package dev.vz.emulator;

import dev.vz.emulator.irq.ApicBus;
import dev.vz.error.CapabilityException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.InterruptLine;

/** A machine with local APICs; the other controllers are devices of its board, and send messages. */
final class SplitMachine extends WiredMachine {

    private final ApicBus apics = new ApicBus();

    SplitMachine(VirtualMachineConfig config) {
        super(config);
    }

    @Override
    ApicBus apics() {
        return apics;
    }

    @Override
    int acknowledgeExternal() {
        return -1;
    }

    @Override
    public InterruptLine line(int gsi) {
        throw new CapabilityException(
                "Machine \"" + config().name() + "\" has its I/O APIC outside the back end, so line "
                        + gsi + " is the board's; make it with VirtualMachineConfig.Interrupts.FULL to have it here");
    }
}
