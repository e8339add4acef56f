package dev.vz.kvm;

/**
 * What a kernel's KVM can do, by the numbers of {@code KVM_CHECK_EXTENSION}. Those of other architectures are left out;
 * {@link KvmSystem#checkExtension(int)} takes any number. The kernel's names are these with {@code KVM_CAP_} before them.
 */
public enum KvmCapability {
    /** PIC, IOAPIC and local APICs in the kernel. */
    IRQCHIP(0),
    /** {@code KVM_CAP_HLT}. */
    HLT(1),
    /** {@code KVM_CAP_MMU_SHADOW_CACHE_CONTROL}. */
    MMU_SHADOW_CACHE_CONTROL(2),
    /** Guest memory is memory of this process. */
    USER_MEMORY(3),
    /** {@code KVM_CAP_SET_TSS_ADDR}. */
    SET_TSS_ADDR(4),
    /** {@code KVM_CAP_VAPIC}. */
    VAPIC(6),
    /** {@code KVM_CAP_EXT_CPUID}. */
    EXT_CPUID(7),
    /** {@code KVM_CAP_CLOCKSOURCE}. */
    CLOCKSOURCE(8),
    /** How many vCPUs are recommended at most. */
    NR_VCPUS(9),
    /** How many memory slots a machine has. */
    NR_MEMSLOTS(10),
    /** {@code KVM_CAP_PIT}. */
    PIT(11),
    /** {@code KVM_CAP_NOP_IO_DELAY}. */
    NOP_IO_DELAY(12),
    /** {@code KVM_CAP_PV_MMU}. */
    PV_MMU(13),
    /** {@code KVM_CAP_MP_STATE}. */
    MP_STATE(14),
    /** Writes that wait in a ring; the value is its page in the vCPU mapping. */
    COALESCED_MMIO(15),
    /** {@code KVM_CAP_SYNC_MMU}. */
    SYNC_MMU(16),
    /** {@code KVM_CAP_IOMMU}. */
    IOMMU(18),
    /** {@code KVM_CAP_DESTROY_MEMORY_REGION_WORKS}. */
    DESTROY_MEMORY_REGION_WORKS(21),
    /** {@code KVM_CAP_USER_NMI}. */
    USER_NMI(22),
    /** {@code KVM_CAP_SET_GUEST_DEBUG}. */
    SET_GUEST_DEBUG(23),
    /** {@code KVM_CAP_REINJECT_CONTROL}. */
    REINJECT_CONTROL(24),
    /** {@code KVM_CAP_IRQ_ROUTING}. */
    IRQ_ROUTING(25),
    /** {@code KVM_CAP_IRQ_INJECT_STATUS}. */
    IRQ_INJECT_STATUS(26),
    /** {@code KVM_CAP_ASSIGN_DEV_IRQ}. */
    ASSIGN_DEV_IRQ(29),
    /** {@code KVM_CAP_JOIN_MEMORY_REGIONS_WORKS}. */
    JOIN_MEMORY_REGIONS_WORKS(30),
    /** {@code KVM_CAP_MCE}. */
    MCE(31),
    /** {@code KVM_CAP_IRQFD}. */
    IRQFD(32),
    /** A timer (8254) in the kernel. */
    PIT2(33),
    /** {@code KVM_CAP_SET_BOOT_CPU_ID}. */
    SET_BOOT_CPU_ID(34),
    /** {@code KVM_CAP_PIT_STATE2}. */
    PIT_STATE2(35),
    /** {@code KVM_CAP_IOEVENTFD}. */
    IOEVENTFD(36),
    /** {@code KVM_CAP_SET_IDENTITY_MAP_ADDR}. */
    SET_IDENTITY_MAP_ADDR(37),
    /** {@code KVM_CAP_XEN_HVM}. */
    XEN_HVM(38),
    /** {@code KVM_CAP_ADJUST_CLOCK}. */
    ADJUST_CLOCK(39),
    /** {@code KVM_CAP_INTERNAL_ERROR_DATA}. */
    INTERNAL_ERROR_DATA(40),
    /** {@code KVM_CAP_VCPU_EVENTS}. */
    VCPU_EVENTS(41),
    /** {@code KVM_CAP_HYPERV}. */
    HYPERV(44),
    /** {@code KVM_CAP_HYPERV_VAPIC}. */
    HYPERV_VAPIC(45),
    /** {@code KVM_CAP_HYPERV_SPIN}. */
    HYPERV_SPIN(46),
    /** {@code KVM_CAP_PCI_SEGMENT}. */
    PCI_SEGMENT(47),
    /** {@code KVM_CAP_INTR_SHADOW}. */
    INTR_SHADOW(49),
    /** {@code KVM_CAP_DEBUGREGS}. */
    DEBUGREGS(50),
    /** {@code KVM_CAP_X86_ROBUST_SINGLESTEP}. */
    X86_ROBUST_SINGLESTEP(51),
    /** {@code KVM_CAP_ENABLE_CAP}. */
    ENABLE_CAP(54),
    /** {@code KVM_CAP_XSAVE}. */
    XSAVE(55),
    /** {@code KVM_CAP_XCRS}. */
    XCRS(56),
    /** {@code KVM_CAP_ASYNC_PF}. */
    ASYNC_PF(59),
    /** The frequency of the time stamp counter can be set. */
    TSC_CONTROL(60),
    /** {@code KVM_CAP_GET_TSC_KHZ}. */
    GET_TSC_KHZ(61),
    /** How many vCPUs a machine has at most. */
    MAX_VCPUS(66),
    /** {@code KVM_CAP_ONE_REG}. */
    ONE_REG(70),
    /** {@code KVM_CAP_TSC_DEADLINE_TIMER}. */
    TSC_DEADLINE_TIMER(72),
    /** Registers in the run page; the value is a mask of the sets. */
    SYNC_REGS(74),
    /** {@code KVM_CAP_PCI_2_3}. */
    PCI_2_3(75),
    /** {@code KVM_CAP_KVMCLOCK_CTRL}. */
    KVMCLOCK_CTRL(76),
    /** Messages can be sent without a route. */
    SIGNAL_MSI(77),
    /** Slots that the guest cannot write. */
    READONLY_MEM(81),
    /** irqfds that report the end of an interrupt. */
    IRQFD_RESAMPLE(82),
    /** {@code KVM_CAP_DEVICE_CTRL}. */
    DEVICE_CTRL(89),
    /** {@code KVM_CAP_EXT_EMUL_CPUID}. */
    EXT_EMUL_CPUID(95),
    /** {@code KVM_CAP_HYPERV_TIME}. */
    HYPERV_TIME(96),
    /** {@code KVM_CAP_IOAPIC_POLARITY_IGNORED}. */
    IOAPIC_POLARITY_IGNORED(97),
    /** {@code KVM_CAP_ENABLE_CAP_VM}. */
    ENABLE_CAP_VM(98),
    /** {@code KVM_CAP_IOEVENTFD_NO_LENGTH}. */
    IOEVENTFD_NO_LENGTH(100),
    /** {@code KVM_CAP_VM_ATTRIBUTES}. */
    VM_ATTRIBUTES(101),
    /** Extensions can be asked of a machine. */
    CHECK_EXTENSION_VM(105),
    /** {@code KVM_CAP_DISABLE_QUIRKS}. */
    DISABLE_QUIRKS(116),
    /** System management mode. */
    X86_SMM(117),
    /** {@code KVM_CAP_MULTI_ADDRESS_SPACE}. */
    MULTI_ADDRESS_SPACE(118),
    /** {@code KVM_CAP_GUEST_DEBUG_HW_BPS}. */
    GUEST_DEBUG_HW_BPS(119),
    /** {@code KVM_CAP_GUEST_DEBUG_HW_WPS}. */
    GUEST_DEBUG_HW_WPS(120),
    /** Local APICs in the kernel only; the argument is the number of IOAPIC inputs. */
    SPLIT_IRQCHIP(121),
    /** {@code KVM_CAP_IOEVENTFD_ANY_LENGTH}. */
    IOEVENTFD_ANY_LENGTH(122),
    /** {@code KVM_CAP_HYPERV_SYNIC}. */
    HYPERV_SYNIC(123),
    /** {@code KVM_CAP_VCPU_ATTRIBUTES}. */
    VCPU_ATTRIBUTES(127),
    /** One more than the highest vCPU id. */
    MAX_VCPU_ID(128),
    /** {@code KVM_CAP_X2APIC_API}. */
    X2APIC_API(129),
    /** The kick that needs no signal before the guest is entered; Linux 4.13. The back end needs it. */
    IMMEDIATE_EXIT(136),
    /** {@code KVM_CAP_X86_DISABLE_EXITS}. */
    X86_DISABLE_EXITS(143),
    /** {@code KVM_CAP_HYPERV_SYNIC2}. */
    HYPERV_SYNIC2(148),
    /** {@code KVM_CAP_HYPERV_VP_INDEX}. */
    HYPERV_VP_INDEX(149),
    /** {@code KVM_CAP_GET_MSR_FEATURES}. */
    GET_MSR_FEATURES(153),
    /** {@code KVM_CAP_HYPERV_EVENTFD}. */
    HYPERV_EVENTFD(154),
    /** {@code KVM_CAP_HYPERV_TLBFLUSH}. */
    HYPERV_TLBFLUSH(155),
    /** {@code KVM_CAP_NESTED_STATE}. */
    NESTED_STATE(157),
    /** {@code KVM_CAP_MSR_PLATFORM_INFO}. */
    MSR_PLATFORM_INFO(159),
    /** {@code KVM_CAP_HYPERV_SEND_IPI}. */
    HYPERV_SEND_IPI(161),
    /** {@code KVM_CAP_COALESCED_PIO}. */
    COALESCED_PIO(162),
    /** {@code KVM_CAP_HYPERV_ENLIGHTENED_VMCS}. */
    HYPERV_ENLIGHTENED_VMCS(163),
    /** Pending exceptions keep CR2 and DR6 apart. */
    EXCEPTION_PAYLOAD(164),
    /** {@code KVM_CAP_MANUAL_DIRTY_LOG_PROTECT}. */
    MANUAL_DIRTY_LOG_PROTECT(166),
    /** {@code KVM_CAP_HYPERV_CPUID}. */
    HYPERV_CPUID(167),
    /** The dirty log is cleared by a call of its own. */
    MANUAL_DIRTY_LOG_PROTECT2(168),
    /** Which performance events a guest may count. */
    PMU_EVENT_FILTER(173),
    /** {@code KVM_CAP_HYPERV_DIRECT_TLBFLUSH}. */
    HYPERV_DIRECT_TLBFLUSH(175),
    /** {@code KVM_CAP_HALT_POLL}. */
    HALT_POLL(182),
    /** {@code KVM_CAP_ASYNC_PF_INT}. */
    ASYNC_PF_INT(183),
    /** {@code KVM_CAP_LAST_CPU}. */
    LAST_CPU(184),
    /** {@code KVM_CAP_SMALLER_MAXPHYADDR}. */
    SMALLER_MAXPHYADDR(185),
    /** {@code KVM_CAP_STEAL_TIME}. */
    STEAL_TIME(187),
    /** Accesses to some MSRs leave the guest. */
    X86_USER_SPACE_MSR(188),
    /** Which MSRs a guest may access. */
    X86_MSR_FILTER(189),
    /** {@code KVM_CAP_ENFORCE_PV_FEATURE_CPUID}. */
    ENFORCE_PV_FEATURE_CPUID(190),
    /** {@code KVM_CAP_SYS_HYPERV_CPUID}. */
    SYS_HYPERV_CPUID(191),
    /** A ring of dirty pages for each vCPU; the value is its largest size in bytes. */
    DIRTY_LOG_RING(192),
    /** {@code KVM_CAP_X86_BUS_LOCK_EXIT}. */
    X86_BUS_LOCK_EXIT(193),
    /** {@code KVM_CAP_SET_GUEST_DEBUG2}. */
    SET_GUEST_DEBUG2(195),
    /** {@code KVM_CAP_SGX_ATTRIBUTE}. */
    SGX_ATTRIBUTE(196),
    /** {@code KVM_CAP_VM_COPY_ENC_CONTEXT_FROM}. */
    VM_COPY_ENC_CONTEXT_FROM(197),
    /** {@code KVM_CAP_PTP_KVM}. */
    PTP_KVM(198),
    /** {@code KVM_CAP_HYPERV_ENFORCE_CPUID}. */
    HYPERV_ENFORCE_CPUID(199),
    /** Special registers with the PAE page directory pointers. */
    SREGS2(200),
    /** {@code KVM_CAP_EXIT_HYPERCALL}. */
    EXIT_HYPERCALL(201),
    /** Counters of a machine or vCPU in a file. */
    BINARY_STATS_FD(203),
    /** {@code KVM_CAP_EXIT_ON_EMULATION_FAILURE}. */
    EXIT_ON_EMULATION_FAILURE(204),
    /** {@code KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM}. */
    VM_MOVE_ENC_CONTEXT_FROM(206),
    /** {@code KVM_CAP_VM_GPA_BITS}. */
    VM_GPA_BITS(207),
    /** The value is the size of the XSAVE image in bytes. */
    XSAVE2(208),
    /** {@code KVM_CAP_SYS_ATTRIBUTES}. */
    SYS_ATTRIBUTES(209),
    /** {@code KVM_CAP_PMU_CAPABILITY}. */
    PMU_CAPABILITY(212),
    /** {@code KVM_CAP_DISABLE_QUIRKS2}. */
    DISABLE_QUIRKS2(213),
    /** {@code KVM_CAP_VM_TSC_CONTROL}. */
    VM_TSC_CONTROL(214),
    /** {@code KVM_CAP_SYSTEM_EVENT_DATA}. */
    SYSTEM_EVENT_DATA(215),
    /** {@code KVM_CAP_X86_TRIPLE_FAULT_EVENT}. */
    X86_TRIPLE_FAULT_EVENT(218),
    /** {@code KVM_CAP_X86_NOTIFY_VMEXIT}. */
    X86_NOTIFY_VMEXIT(219),
    /** {@code KVM_CAP_VM_DISABLE_NX_HUGE_PAGES}. */
    VM_DISABLE_NX_HUGE_PAGES(220),
    /** {@code KVM_CAP_DIRTY_LOG_RING_ACQ_REL}. */
    DIRTY_LOG_RING_ACQ_REL(223),
    /** {@code KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP}. */
    DIRTY_LOG_RING_WITH_BITMAP(225),
    /** {@code KVM_CAP_PMU_EVENT_MASKED_EVENTS}. */
    PMU_EVENT_MASKED_EVENTS(226),
    /** {@code KVM_CAP_USER_MEMORY2}. */
    USER_MEMORY2(231),
    /** {@code KVM_CAP_MEMORY_FAULT_INFO}. */
    MEMORY_FAULT_INFO(232),
    /** {@code KVM_CAP_MEMORY_ATTRIBUTES}. */
    MEMORY_ATTRIBUTES(233),
    /** Memory of a machine that is a file of its own. */
    GUEST_MEMFD(234),
    /** A mask of the types of machine. */
    VM_TYPES(235),
    /** {@code KVM_CAP_PRE_FAULT_MEMORY}. */
    PRE_FAULT_MEMORY(236),
    /** {@code KVM_CAP_X86_APIC_BUS_CYCLES_NS}. */
    X86_APIC_BUS_CYCLES_NS(237),
    /** {@code KVM_CAP_X86_GUEST_MODE}. */
    X86_GUEST_MODE(238),
    /** {@code KVM_CAP_GUEST_MEMFD_FLAGS}. */
    GUEST_MEMFD_FLAGS(244);

    private final int number;

    KvmCapability(int number) {
        this.number = number;
    }

    /** The kernel's number. */
    public int number() {
        return number;
    }

    /** The kernel's name, for example {@code "KVM_CAP_IRQCHIP"}. */
    public String kernelName() {
        return "KVM_CAP_" + name();
    }
}
