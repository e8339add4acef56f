package dev.vz.kvm;

import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;

/**
 * What one machine has of the optional parts of a processor's state.
 *
 * @param interrupts       where its interrupt controllers are
 * @param xsaveSize        bytes of an XSAVE image
 * @param exceptionPayload whether pending exceptions keep their payload apart
 * @param tripleFaultEvent whether a triple fault that waits to be reported is part of the state
 * @param smm              whether it has system management mode
 */
record MachineFeatures(Interrupts interrupts, int xsaveSize, boolean exceptionPayload, boolean tripleFaultEvent,
        boolean smm) {

    /** The XSAVE image of kernels and processors without large components. */
    static final int SMALL_XSAVE = 4096;

    boolean hasLapic() {
        return interrupts != Interrupts.NONE;
    }
}
