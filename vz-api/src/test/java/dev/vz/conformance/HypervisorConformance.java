package dev.vz.conformance;

import dev.vz.hypervisor.Hypervisor;

public abstract class HypervisorConformance implements ExecutionChapter, PortChapter, MmioChapter {
    @Override
    public abstract Hypervisor hypervisor();
}
