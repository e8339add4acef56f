package dev.vz.emulator;

import dev.vz.conformance.HypervisorConformance;
import dev.vz.hypervisor.Hypervisor;

/** The conformance kit of vz-api on the software CPU. */
class EmulatorConformanceTest extends HypervisorConformance {

    @Override
    public Hypervisor hypervisor() {
        return new EmulatorHypervisor();
    }
}
