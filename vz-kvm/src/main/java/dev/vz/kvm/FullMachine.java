package dev.vz.kvm;

import dev.vz.error.ConfigurationException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.InterruptLine;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_irq_level;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A machine with all its interrupt controllers in the kernel. */
final class FullMachine extends KvmVirtualMachine {

    FullMachine(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
            KvmMemorySlots slots) {
        super(descriptor, host, config, features, slots);
    }

    @Override
    public InterruptLine line(int gsi) {
        if (gsi < 0 || gsi >= MachineBuilder.IOAPIC_PINS) {
            throw new ConfigurationException("There is no interrupt line " + gsi + "; the I/O APIC has inputs 0 to "
                    + (MachineBuilder.IOAPIC_PINS - 1));
        }
        FileDescriptor machine = descriptor();
        MemorySegment low = level(gsi, 0);
        MemorySegment high = level(gsi, 1);
        return on -> Ioctl.checked("ioctl KVM_IRQ_LINE", machine, KvmHeaders.KVM_IRQ_LINE(), on ? high : low);
    }

    private static MemorySegment level(int gsi, int level) {
        MemorySegment s = kvm_irq_level.allocate(Arena.ofAuto());
        kvm_irq_level.irq(s, gsi);
        kvm_irq_level.level(s, level);
        return s;
    }
}
