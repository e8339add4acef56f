package dev.vz.emulator;

import dev.vz.conformance.HypervisorConformance;
import dev.vz.hypervisor.Hypervisor;

/** The conformance kit of vz-api on the software CPU, all of it interpreted. */
class EmulatorConformanceTest extends HypervisorConformance {

    @Override
    public Hypervisor hypervisor() {
        return new EmulatorHypervisor().withTranslation(false);
    }
}
