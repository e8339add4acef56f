package dev.vz.kvm;

import dev.vz.hypervisor.Availability;
import dev.vz.hypervisor.Capability;
import dev.vz.hypervisor.Hypervisor;
import dev.vz.hypervisor.VirtualMachineConfig;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** The back end "kvm". Holds nothing open; what it opens belongs to the machines that it makes. */
public final class KvmHypervisor implements Hypervisor {

    private final Path device;

    /** KVM through {@link KvmSystem#DEVICE}. */
    public KvmHypervisor() {
        this(KvmSystem.DEVICE);
    }

    /** KVM through the device at {@code device}. */
    public KvmHypervisor(Path device) {
        this.device = device;
    }

    @Override
    public String name() {
        return "kvm";
    }

    @Override
    public int priority() {
        return 100;
    }

    @Override
    public Availability availability() {
        return switch (DeviceOpening.attempt(device)) {
            case DeviceOpening.Opened opened -> {
                opened.descriptor().close();
                yield new Availability.Available("KVM API 12 through " + device);
            }
            case DeviceOpening.Refused refused -> new Availability.Unavailable(refused.reason(), refused.remedy());
        };
    }

    @Override
    public Set<Capability> capabilities() {
        try (var system = KvmSystem.open(device)) {
            var found = EnumSet.of(Capability.DIRTY_TRACKING, Capability.MEMORY_HOT_PLUG, Capability.DOORBELL,
                    Capability.INTERRUPT_INJECTION, Capability.GUEST_DEBUG);
            add(found, Capability.INTERRUPT_CONTROLLER, system, KvmCapability.IRQCHIP, KvmCapability.PIT_STATE2);
            add(found, Capability.SPLIT_INTERRUPT_CONTROLLER, system, KvmCapability.SPLIT_IRQCHIP);
            add(found, Capability.MSI, system, KvmCapability.IRQCHIP, KvmCapability.SIGNAL_MSI,
                    KvmCapability.IRQ_ROUTING);
            add(found, Capability.RESAMPLED_LINE, system, KvmCapability.IRQCHIP, KvmCapability.IRQFD_RESAMPLE);
            add(found, Capability.READ_ONLY_MEMORY, system, KvmCapability.READONLY_MEM);
            add(found, Capability.MSR_EXIT, system, KvmCapability.X86_USER_SPACE_MSR);
            add(found, Capability.TSC_CONTROL, system, KvmCapability.TSC_CONTROL);
            if (system.check(KvmCapability.MAX_VCPUS) > 1) {
                found.add(Capability.SMP);
            }
            if (FullSystemProbe.obstacle(device).isEmpty()) {
                found.add(Capability.FULL_SYSTEM);
            }
            return Collections.unmodifiableSet(found);
        }
    }

    @Override
    public String reasonWithout(Capability capability) {
        return capability == Capability.FULL_SYSTEM ? FullSystemProbe.obstacle(device).orElse("") : "";
    }

    private static void add(Set<Capability> found, Capability capability, KvmSystem system, KvmCapability... needed) {
        for (KvmCapability one : needed) {
            if (!system.has(one)) {
                return;
            }
        }
        found.add(capability);
    }

    @Override
    public KvmVirtualMachine createVirtualMachine(VirtualMachineConfig config) {
        try (var system = KvmSystem.open(device)) {
            return system.createVirtualMachine(config);
        }
    }
}
