package dev.vz.kvm;

import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.linux.FileDescriptor;

/** A machine without interrupt controllers: the caller injects. */
final class BareMachine extends KvmVirtualMachine {

    BareMachine(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
            KvmMemorySlots slots) {
        super(descriptor, host, config, features, slots);
    }
}
