package dev.vz.kvm;

import dev.vz.conformance.HypervisorConformance;
import dev.vz.hypervisor.Hypervisor;

/** The conformance kit of vz-api on the running kernel's KVM. */
class KvmConformanceTest extends HypervisorConformance {

    @Override
    public Hypervisor hypervisor() {
        return new KvmHypervisor();
    }
}
