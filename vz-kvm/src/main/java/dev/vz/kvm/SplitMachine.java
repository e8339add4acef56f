package dev.vz.kvm;

import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.linux.FileDescriptor;

/** A machine with its local APICs in the kernel. */
final class SplitMachine extends KvmVirtualMachine {

    SplitMachine(FileDescriptor descriptor, KvmHost host, VirtualMachineConfig config, MachineFeatures features,
            KvmMemorySlots slots) {
        super(descriptor, host, config, features, slots);
    }
}
