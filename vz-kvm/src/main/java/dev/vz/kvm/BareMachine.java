package dev.vz.kvm;

import dev.vz.hypervisor.MsrExits;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.linux.FileDescriptor;

/** A machine without interrupt controllers: the caller injects. */
sealed class BareMachine extends KvmVirtualMachine {

    BareMachine(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
            KvmMemorySlots slots) {
        super(descriptor, host, config, features, slots);
    }

    /** The same where accesses to unknown MSRs can leave. */
    static final class WithMsrExits extends BareMachine implements MsrExits {
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
