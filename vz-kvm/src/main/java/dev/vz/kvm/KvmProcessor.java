package dev.vz.kvm;

import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.cpu.x86.VcpuEvents;
import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_device_attr;
import dev.vz.kvm.generated.kvm_fpu;
import dev.vz.kvm.generated.kvm_sregs2;
import dev.vz.kvm.generated.kvm_tpr_access_ctl;
import dev.vz.kvm.generated.kvm_translation;
import dev.vz.kvm.generated.kvm_x86_mce;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What KVM has to a vCPU beyond the processor's portable state, one method for each request. The same thread rules as for
 * the vCPU's state. What this kernel lacks is empty.
 */
public final class KvmProcessor {

    private final String name;
    private final FileDescriptor vcpu;
    private final KvmHost host;
    private final RunGate gate;
    private final RunPage page;
    private final VcpuState state;
    private final MachineFeatures features;

    KvmProcessor(String name, FileDescriptor vcpu, KvmHost host, RunGate gate, RunPage page, VcpuState state,
            MachineFeatures features) {
        this.name = name;
        this.vcpu = vcpu;
        this.host = host;
        this.gate = gate;
        this.page = page;
        this.state = state;
        this.features = features;
    }

    /** The x87 and SSE registers (KVM_GET_FPU). */
    public KvmFpu fpu() {
        return gate.read(() -> state.get("KVM_GET_FPU", KvmHeaders.KVM_GET_FPU(), kvm_fpu.sizeof(), KvmFpu::read));
    }

    /** Sets the x87 and SSE registers. */
    public void setFpu(KvmFpu fpu) {
        gate.change(() -> state.set("KVM_SET_FPU", KvmHeaders.KVM_SET_FPU(), kvm_fpu.sizeof(), fpu::write));
    }

    /**
     * Special registers with the four page directory pointers that a processor in PAE paging has loaded
     * (KVM_GET_SREGS2).
     *
     * @param registers         without a pending interrupt
     * @param directoryPointers four, or none outside PAE paging
     */
    public record SpecialRegisters2(SpecialRegisters registers, List<Long> directoryPointers) {
        /** Copies the list. */
        public SpecialRegisters2 {
            directoryPointers = List.copyOf(directoryPointers);
        }
    }

    /** The special registers with the page directory pointers; empty where this kernel does not tell them. */
    public Optional<SpecialRegisters2> specialRegisters2() {
        if (!host.has(KvmCapability.SREGS2)) {
            return Optional.empty();
        }
        return Optional
                .of(gate.read(() -> state.get("KVM_GET_SREGS2", KvmHeaders.KVM_GET_SREGS2(), kvm_sregs2.sizeof(), s -> {
                    boolean valid = (kvm_sregs2.flags(s) & KvmHeaders.KVM_SREGS2_FLAGS_PDPTRS_VALID()) != 0;
                    return new SpecialRegisters2(RegisterCodec.readSpecial(s, false), valid
                            ? List.of(kvm_sregs2.pdptrs(s, 0), kvm_sregs2.pdptrs(s, 1), kvm_sregs2.pdptrs(s, 2),
                                    kvm_sregs2.pdptrs(s, 3))
                            : List.of());
                })));
    }

    /**
     * Sets the special registers with the page directory pointers.
     *
     * @return whether this kernel could
     */
    public boolean setSpecialRegisters2(SpecialRegisters2 registers) {
        if (!host.has(KvmCapability.SREGS2)) {
            return false;
        }
        gate.change(() -> state.set("KVM_SET_SREGS2", KvmHeaders.KVM_SET_SREGS2(), kvm_sregs2.sizeof(), s -> {
            RegisterCodec.writeSpecial(s, registers.registers());
            // Where kvm_sregs has its interrupt bitmap.
            boolean valid = registers.directoryPointers().size() == 4;
            kvm_sregs2.flags(s, valid ? KvmHeaders.KVM_SREGS2_FLAGS_PDPTRS_VALID() : 0);
            for (int i = 0; i < 4; i++) {
                kvm_sregs2.pdptrs(s, i, valid ? registers.directoryPointers().get(i) : 0);
            }
        }));
        return true;
    }

    /** Where linear {@code address} leads. */
    public KvmTranslation translate(long address) {
        return gate.read(() -> {
            try (var arena = Arena.ofConfined()) {
                MemorySegment s = kvm_translation.allocate(arena);
                kvm_translation.linear_address(s, address);
                Ioctl.checked("ioctl KVM_TRANSLATE", vcpu, KvmHeaders.KVM_TRANSLATE(), s);
                return new KvmTranslation(kvm_translation.valid(s) == 0
                        ? OptionalLong.empty()
                        : OptionalLong.of(kvm_translation.physical_address(s)), kvm_translation.writeable(s) != 0,
                        kvm_translation.usermode(s) != 0);
            }
        });
    }

    /**
     * Raises a system management interrupt: at once if it is running, otherwise at the next run. Any thread.
     *
     * @return whether this kernel can
     */
    public boolean smi() {
        if (!features.smm()) {
            return false;
        }
        gate.request(RunGate.SMI);
        return true;
    }

    /** Ticks that the guest's time stamp counter is ahead of the host's; empty where the kernel does not tell. */
    public OptionalLong tscOffset() {
        return gate.read(() -> {
            try (var arena = Arena.ofConfined()) {
                MemorySegment value = arena.allocate(ValueLayout.JAVA_LONG);
                if (!hasTscOffset(arena, value)) {
                    return OptionalLong.empty();
                }
                Ioctl.checked("ioctl KVM_GET_DEVICE_ATTR TSC_OFFSET", vcpu, KvmHeaders.KVM_GET_DEVICE_ATTR(),
                        attribute(arena, value));
                return OptionalLong.of(value.get(ValueLayout.JAVA_LONG, 0));
            }
        });
    }

    /**
     * Sets how many ticks the guest's time stamp counter is ahead of the host's.
     *
     * @return whether this kernel could
     */
    public boolean setTscOffset(long offset) {
        return gate.read(() -> {
            try (var arena = Arena.ofConfined()) {
                MemorySegment value = arena.allocateFrom(ValueLayout.JAVA_LONG, offset);
                if (!hasTscOffset(arena, value)) {
                    return false;
                }
                Ioctl.checked("ioctl KVM_SET_DEVICE_ATTR TSC_OFFSET", vcpu, KvmHeaders.KVM_SET_DEVICE_ATTR(),
                        attribute(arena, value));
                return true;
            }
        });
    }

    private boolean hasTscOffset(Arena arena, MemorySegment value) {
        return host.has(KvmCapability.VCPU_ATTRIBUTES)
                && Ioctl.call(vcpu, KvmHeaders.KVM_HAS_DEVICE_ATTR(), attribute(arena, value)) == 0;
    }

    private static MemorySegment attribute(Arena arena, MemorySegment value) {
        MemorySegment s = kvm_device_attr.allocate(arena);
        kvm_device_attr.group(s, KvmHeaders.KVM_VCPU_TSC_CTRL());
        kvm_device_attr.attr(s, KvmHeaders.KVM_VCPU_TSC_OFFSET());
        kvm_device_attr.addr(s, value.address());
        return s;
    }

    /** Ticks of the time stamp counter in a millisecond. */
    public long tscKilohertz() {
        return gate.read(() -> Ioctl.checked("ioctl KVM_GET_TSC_KHZ", vcpu, KvmHeaders.KVM_GET_TSC_KHZ(), 0));
    }

    /**
     * Tells the guest's clock that it was stopped, so that its watchdogs stay quiet (KVM_KVMCLOCK_CTRL).
     *
     * @return whether the guest has such a clock
     */
    public boolean clockWasStopped() {
        return gate.read(() -> {
            int result = Ioctl.call(vcpu, KvmHeaders.KVM_KVMCLOCK_CTRL(), 0);
            if (result == -Errno.EINVAL) {
                return false;
            }
            Errno.check("ioctl KVM_KVMCLOCK_CTRL", vcpu, result);
            return true;
        });
    }

    /** Makes accesses to the task priority register leave as {@link dev.vz.cpu.VcpuExit.TprAccess}, or not. */
    public void reportTprAccess(boolean wanted) {
        gate.change(() -> state.set("KVM_TPR_ACCESS_REPORTING", KvmHeaders.KVM_TPR_ACCESS_REPORTING(),
                kvm_tpr_access_ctl.sizeof(),
                s -> kvm_tpr_access_ctl.enabled(s, wanted ? 1 : 0)));
    }

    /** Where the guest's patched code keeps the task priority (KVM_SET_VAPIC_ADDR); 0 for nowhere. */
    public void setVapicAddress(long gpa) {
        gate.change(() -> state.set("KVM_SET_VAPIC_ADDR", KvmHeaders.KVM_SET_VAPIC_ADDR(), 8,
                s -> s.set(ValueLayout.JAVA_LONG, 0, gpa)));
    }

    /**
     * Gives it machine check banks (KVM_X86_SETUP_MCE).
     *
     * @param capabilities MCG_CAP; {@link KvmSystem#machineCheckCapabilities()} is the most
     */
    public void setUpMachineChecks(long capabilities) {
        gate.change(() -> state.set("KVM_X86_SETUP_MCE", KvmHeaders.KVM_X86_SETUP_MCE(), 8,
                s -> s.set(ValueLayout.JAVA_LONG, 0, capabilities)));
    }

    /** Raises a machine check in {@code bank}; the values are those of the bank's registers and of MCG_STATUS. */
    public void raiseMachineCheck(int bank, long status, long address, long misc, long globalStatus) {
        gate.change(() -> state.set("KVM_X86_SET_MCE", KvmHeaders.KVM_X86_SET_MCE(), kvm_x86_mce.sizeof(), s -> {
            kvm_x86_mce.bank(s, (byte) bank);
            kvm_x86_mce.status(s, status);
            kvm_x86_mce.addr(s, address);
            kvm_x86_mce.misc(s, misc);
            kvm_x86_mce.mcg_status(s, globalStatus);
        }));
    }

    /** Registers that come with every exit; empty where the kernel cannot. */
    public Optional<KvmSyncRegisters> syncRegisters() {
        int supported = host.value(KvmCapability.SYNC_REGS);
        return supported == 0
                ? Optional.empty()
                : Optional.of(new KvmSyncRegisters(name, page, gate, features, supported));
    }

    /** The counters, to be closed by the caller; empty where the kernel has none. Any thread. */
    public Optional<KvmStatistics> statistics() {
        return host.has(KvmCapability.BINARY_STATS_FD) ? Optional.of(KvmStatistics.open(vcpu)) : Optional.empty();
    }

    /** KVM_RUN_X86_* of the last exit: bit 0 in system management mode, bit 1 a bus lock was seen. */
    public int runFlags() {
        gate.requireAccess();
        return page.shortAt(RunPage.FLAGS);
    }

    /**
     * Switches {@code capability} on for this vCPU (KVM_ENABLE_CAP).
     *
     * @param arguments four at most; their meaning is the capability's
     * @throws dev.vz.error.HostException if the kernel refuses
     */
    public void enable(KvmCapability capability, long... arguments) {
        gate.change(() -> MachineBuilder.enable(vcpu, capability, arguments));
    }

    // ----------------------------------------------------------------------------- what only some vCPUs can do

    boolean inject(int vector) {
        if (vector < 0 || vector > 255) {
            throw new ConfigurationException("An interrupt has a vector from 0 to 255, got " + vector + " for " + name);
        }
        return gate.read(() -> {
            VcpuEvents events = state.events();
            boolean ready = (state.registers().rflags() & 1 << 9) != 0 && events.interrupt().shadow() == 0
                    && !events.interrupt().injected();
            if (ready) {
                state.set("KVM_INTERRUPT " + vector, KvmHeaders.KVM_INTERRUPT(), 4,
                        s -> s.set(ValueLayout.JAVA_INT, 0, vector));
            }
            return ready;
        });
    }

    void requestInterruptWindow(boolean wanted) {
        gate.requireAccess();
        page.putByte(RunPage.REQUEST_INTERRUPT_WINDOW, wanted ? 1 : 0);
    }

    void setTscKilohertz(long kilohertz) {
        if (kilohertz <= 0 || kilohertz > Integer.MAX_VALUE) {
            throw new ConfigurationException("The clock of " + name + " cannot tick " + kilohertz + " times a "
                    + "millisecond");
        }
        gate.read(() -> Ioctl.checked("ioctl KVM_SET_TSC_KHZ " + kilohertz, vcpu, KvmHeaders.KVM_SET_TSC_KHZ(),
                kilohertz));
    }
}
