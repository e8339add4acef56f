package dev.vz.hypervisor;

import dev.vz.irq.InterruptControllerState;

/** A machine whose PIC, IOAPIC and PIT are in the back end and can be saved. Call while no vCPU runs. */
public interface InterruptControllers {

    /** What they hold now. */
    InterruptControllerState interruptControllers();

    /** Puts {@code state} into them. */
    void setInterruptControllers(InterruptControllerState state);
}
