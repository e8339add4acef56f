package dev.vz.emulator;

import dev.vz.bus.IoBus;
import dev.vz.emulator.irq.ApicBus;
import dev.vz.emulator.irq.PcInterrupts;
import dev.vz.hypervisor.InterruptControllers;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.InterruptControllerState;
import dev.vz.irq.InterruptLine;

/** A machine with all the interrupt hardware of a PC. */
final class FullMachine extends WiredMachine implements InterruptControllers {

    private final IoBus ports = new IoBus("interrupt controller port");
    private final IoBus mmio = new IoBus("interrupt controller mmio");
    private final PcInterrupts hardware = new PcInterrupts(clock());

    FullMachine(VirtualMachineConfig config) {
        super(config);
        hardware.attachTo(ports, mmio);
    }

    @Override
    IoBus ports() {
        return ports;
    }

    @Override
    IoBus mmio() {
        return mmio;
    }

    @Override
    ApicBus apics() {
        return hardware.bus();
    }

    @Override
    int acknowledgeExternal() {
        return hardware.pics().acknowledge();
    }

    @Override
    public InterruptLine line(int gsi) {
        return hardware.line(gsi);
    }

    @Override
    public InterruptControllerState interruptControllers() {
        return hardware.save();
    }

    @Override
    public void setInterruptControllers(InterruptControllerState state) {
        hardware.restore(state);
    }
}
