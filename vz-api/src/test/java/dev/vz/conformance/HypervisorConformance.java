package dev.vz.conformance;

import dev.vz.hypervisor.Hypervisor;

public abstract class HypervisorConformance implements ExecutionChapter, PortChapter, MmioChapter, StringIoChapter, InjectionChapter, ExceptionChapter, CpuidChapter, VectorChapter, KickChapter, DebugChapter, MemoryChapter, RegisterChapter, StateChapter, LifecycleChapter, ExitFormChapter {
    @Override
    public abstract Hypervisor hypervisor();
}
