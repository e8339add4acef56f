package dev.vz.hypervisor;

/** What a back end can do on this host, in words that do not depend on the back end. */
public enum Capability {
    /** Boots a stock operating system: every privileged instruction works. */
    FULL_SYSTEM,
    /** PIC, IOAPIC, local APICs and PIT inside the back end. */
    INTERRUPT_CONTROLLER,
    /** Local APICs inside the back end, PIC and IOAPIC outside. */
    SPLIT_INTERRUPT_CONTROLLER,
    /** Virtual machines are {@link dev.vz.irq.MsiSink}s. */
    MSI,
    /** Virtual machines are {@link dev.vz.irq.Doorbell.Registrar}s. */
    DOORBELL,
    /** Lines can be {@link dev.vz.irq.InterruptLine.Resampled}. */
    RESAMPLED_LINE,
    /** Virtual machines are {@link DirtyTracking}. */
    DIRTY_TRACKING,
    /** Regions may be read-only to the guest. */
    READ_ONLY_MEMORY,
    /** Regions may be added and removed while vCPUs run. */
    MEMORY_HOT_PLUG,
    /** vCPUs are {@link dev.vz.cpu.x86.GuestDebug}. */
    GUEST_DEBUG,
    /** Virtual machines are {@link MsrExits}: accesses to unknown MSRs can leave to the handler. */
    MSR_EXIT,
    /** vCPUs are {@link dev.vz.cpu.x86.InterruptInjection} where the machine has no interrupt controller. */
    INTERRUPT_INJECTION,
    /** Several vCPUs run at the same time. */
    SMP,
    /** vCPUs are {@link dev.vz.cpu.x86.TscControl}. */
    TSC_CONTROL
}
