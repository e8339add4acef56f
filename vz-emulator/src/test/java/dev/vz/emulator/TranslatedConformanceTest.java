package dev.vz.emulator;

import dev.vz.conformance.HypervisorConformance;
import dev.vz.hypervisor.Hypervisor;

/** The conformance kit of vz-api on the software CPU with everything translated that is executed a thousand times. */
class TranslatedConformanceTest extends HypervisorConformance {

    @Override
    public Hypervisor hypervisor() {
        return new EmulatorHypervisor().translatingAfter(1024);
    }
}
