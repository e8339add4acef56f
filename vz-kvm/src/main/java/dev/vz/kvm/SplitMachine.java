package dev.vz.kvm;

import dev.vz.hypervisor.MsrExits;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.irq.Msi;
import dev.vz.irq.MsiSink;
import dev.vz.linux.FileDescriptor;
import java.util.Optional;

/** A machine with its local APICs in the kernel; the other controllers are devices of the board. */
sealed class SplitMachine extends KvmVirtualMachine implements MsiSink {

    private final KvmInterrupts interrupts;

    SplitMachine(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
            KvmMemorySlots slots) {
        super(descriptor, host, config, features, slots);
        interrupts = new KvmInterrupts(descriptor, host, false);
    }

    @Override
    public Optional<KvmInterrupts> interrupts() {
        return Optional.of(interrupts);
    }

    @Override
    public boolean signal(Msi message) {
        return interrupts.signal(message);
    }

    @Override
    public Vector vector(Msi message) {
        return new MessageVector(interrupts, events(), message);
    }

    /** The same where accesses to unknown MSRs can leave. */
    static final class WithMsrExits extends SplitMachine implements MsrExits {
        WithMsrExits(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
                KvmMemorySlots slots) {
            super(descriptor, host, config, features, slots);
        }

        @Override
        public void exitOnUnknownMsrs(boolean wanted) {
            exitOnUnknown(wanted);
        }
    }
}
