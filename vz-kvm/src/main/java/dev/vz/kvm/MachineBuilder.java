package dev.vz.kvm;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_enable_cap;
import dev.vz.kvm.generated.kvm_pit_config;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Makes a machine, in the order that KVM wants: options, interrupt controllers, memory; vCPUs come later. */
final class MachineBuilder {

    /**
     * Four pages that Intel processors need to run real mode (KVM_SET_IDENTITY_MAP_ADDR, KVM_SET_TSS_ADDR), below the
     * firmware's 16 MiB and above the local APIC, where no board has memory.
     */
    static final long IDENTITY_MAP = 0xFEFF_C000L;
    static final long TSS = IDENTITY_MAP + 0x1000;
    /** Inputs of the I/O APIC. */
    static final int IOAPIC_PINS = 24;

    private MachineBuilder() {}

    static KvmVirtualMachine build(FileDescriptor system, KvmHost host, VirtualMachineConfig config,
            KvmMachineType type) {
        check(host, config, type);
        String name = "machine \"" + config.name() + "\"";
        int number;
        do {
            number = Ioctl.call(system, KvmHeaders.KVM_CREATE_VM(), type.number());
        } while (number == -Errno.EINTR);
        Errno.check("ioctl KVM_CREATE_VM", system, number);
        var machine = FileDescriptor.adopt(number, name);
        try {
            MachineFeatures features = enable(machine, host, config);
            createControllers(machine, config.interrupts());
            var slots = new KvmMemorySlots(machine, host);
            for (MemoryRegion region : config.memory().regions()) {
                slots.add(region);
            }
            boolean msrExits = host.has(KvmCapability.X86_USER_SPACE_MSR);
            return switch (config.interrupts()) {
                case NONE -> msrExits
                        ? new BareMachine.WithMsrExits(machine, host, config, features, slots)
                        : new BareMachine(machine, host, config, features, slots);
                case SPLIT -> msrExits
                        ? new SplitMachine.WithMsrExits(machine, host, config, features, slots)
                        : new SplitMachine(machine, host, config, features, slots);
                case FULL -> msrExits
                        ? new FullMachine.WithMsrExits(machine, host, config, features, slots)
                        : new FullMachine(machine, host, config, features, slots);
            };
        } catch (RuntimeException | Error failure) {
            machine.close();
            throw failure;
        }
    }

    private static void check(KvmHost host, VirtualMachineConfig config, KvmMachineType type) {
        if (!host.has(type)) {
            throw new CapabilityException("Machine \"" + config.name() + "\" is to be of type " + type + " (number "
                    + type.number() + "), which this KVM lacks (KVM_CAP_VM_TYPES is 0x"
                    + Integer.toHexString(host.value(KvmCapability.VM_TYPES)) + ")");
        }
        KvmCapability needed = switch (config.interrupts()) {
            case NONE -> null;
            case SPLIT -> KvmCapability.SPLIT_IRQCHIP;
            case FULL -> KvmCapability.PIT_STATE2;
        };
        if (needed != null && !host.has(needed)) {
            throw new CapabilityException("Machine \"" + config.name() + "\" asks for interrupt controllers in the "
                    + "kernel (" + config.interrupts() + "), which this KVM lacks (" + needed.kernelName() + ")");
        }
        int most = host.has(KvmCapability.MAX_VCPUS)
                ? host.value(KvmCapability.MAX_VCPUS)
                : host.value(KvmCapability.NR_VCPUS);
        if (config.maxVcpus() > most) {
            throw new ConfigurationException("Machine \"" + config.name() + "\" asks for " + config.maxVcpus()
                    + " vCPUs; KVM has " + most + " at most");
        }
    }

    private static MachineFeatures enable(FileDescriptor machine, KvmHost host, VirtualMachineConfig config) {
        if ((host.value(KvmCapability.MANUAL_DIRTY_LOG_PROTECT2)
                & KvmHeaders.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE()) != 0) {
            enable(machine, KvmCapability.MANUAL_DIRTY_LOG_PROTECT2, KvmHeaders.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE());
        }
        boolean payload = enableIf(machine, host, KvmCapability.EXCEPTION_PAYLOAD);
        boolean tripleFault = enableIf(machine, host, KvmCapability.X86_TRIPLE_FAULT_EVENT);
        if (config.interrupts() != Interrupts.NONE && host.has(KvmCapability.X2APIC_API)) {
            // 32-bit ids in the local APIC's page, as LapicState wants them; and no broadcast to id 255 where that is
            // a processor's.
            long flags = KvmHeaders.KVM_X2APIC_API_USE_32BIT_IDS()
                    | (config.maxVcpus() > 255 ? KvmHeaders.KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK() : 0);
            enable(machine, KvmCapability.X2APIC_API, flags);
        }
        int xsave = Ioctl.checked("ioctl KVM_CHECK_EXTENSION KVM_CAP_XSAVE2", machine,
                KvmHeaders.KVM_CHECK_EXTENSION(), KvmCapability.XSAVE2.number());
        return new MachineFeatures(config.interrupts(), Math.max(xsave, MachineFeatures.SMALL_XSAVE), payload,
                tripleFault, host.has(KvmCapability.X86_SMM));
    }

    private static boolean enableIf(FileDescriptor machine, KvmHost host, KvmCapability capability) {
        if (!host.has(capability)) {
            return false;
        }
        enable(machine, capability, 1);
        return true;
    }

    /** KVM_ENABLE_CAP, on a machine or a vCPU. */
    static void enable(FileDescriptor target, KvmCapability capability, long... arguments) {
        if (arguments.length > 4) {
            throw new ConfigurationException("KVM_ENABLE_CAP takes 4 arguments at most, got " + arguments.length);
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment s = kvm_enable_cap.allocate(arena);
            kvm_enable_cap.cap(s, capability.number());
            for (int i = 0; i < arguments.length; i++) {
                kvm_enable_cap.args(s, i, arguments[i]);
            }
            Ioctl.checked("ioctl KVM_ENABLE_CAP " + capability.kernelName(), target, KvmHeaders.KVM_ENABLE_CAP(), s);
        }
    }

    private static void createControllers(FileDescriptor machine, Interrupts interrupts) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment identity = arena.allocateFrom(ValueLayout.JAVA_LONG, IDENTITY_MAP);
            Ioctl.checked("ioctl KVM_SET_IDENTITY_MAP_ADDR", machine, KvmHeaders.KVM_SET_IDENTITY_MAP_ADDR(), identity);
            Ioctl.checked("ioctl KVM_SET_TSS_ADDR", machine, KvmHeaders.KVM_SET_TSS_ADDR(), TSS);
            switch (interrupts) {
                case NONE -> {
                    // The caller injects.
                }
                case SPLIT -> enable(machine, KvmCapability.SPLIT_IRQCHIP, IOAPIC_PINS);
                case FULL -> {
                    Ioctl.checked("ioctl KVM_CREATE_IRQCHIP", machine, KvmHeaders.KVM_CREATE_IRQCHIP(), 0);
                    MemorySegment pit = kvm_pit_config.allocate(arena);
                    // Port 0x61 of the speaker answers too, which guests read to calibrate their clocks.
                    kvm_pit_config.flags(pit, KvmHeaders.KVM_PIT_SPEAKER_DUMMY());
                    Ioctl.checked("ioctl KVM_CREATE_PIT2", machine, KvmHeaders.KVM_CREATE_PIT2(), pit);
                }
            }
        }
    }
}
