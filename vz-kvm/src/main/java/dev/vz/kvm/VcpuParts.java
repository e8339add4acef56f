package dev.vz.kvm;

import dev.vz.cpu.x86.Cpuid;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.memory.MappedMemory;
import dev.vz.linux.memory.Mapping;
import org.jspecify.annotations.Nullable;

/**
 * What a vCPU is put together from, and the making of it.
 *
 * @param id         its number
 * @param name       what it is called in errors
 * @param descriptor the vCPU's
 * @param mapping    the pages that it shares with the kernel
 * @param ring       its dirty ring, if the machine has them
 * @param features   what the machine has
 * @param supported  the most that CPUID may announce on it
 * @param host       what the host has
 */
record VcpuParts(int id, String name, FileDescriptor descriptor, MappedMemory mapping, @Nullable MappedMemory ring,
        MachineFeatures features, Cpuid supported, KvmHost host) {

    /** Creates vCPU {@code id} of {@code machine}. */
    static KvmVcpu create(KvmVirtualMachine machine, int id) {
        String name = "vCPU " + id + " of machine \"" + machine.config().name() + "\"";
        int number = Ioctl.checked("ioctl KVM_CREATE_VCPU " + id, machine.descriptor(), KvmHeaders.KVM_CREATE_VCPU(),
                id);
        FileDescriptor descriptor = FileDescriptor.adopt(number, name);
        MappedMemory mapping = null;
        MappedMemory ring = null;
        try {
            KvmHost host = machine.host();
            mapping = MappedMemory.map(Mapping.of(descriptor, 0, host.vcpuMappingSize()).named(name));
            int ringSize = machine.dirtyRing().map(KvmDirtyRing::bytes).orElse(0);
            if (ringSize > 0) {
                long offset = KvmHeaders.KVM_DIRTY_LOG_PAGE_OFFSET() * MappedMemory.PAGE;
                ring = MappedMemory.map(Mapping.of(descriptor, offset, ringSize).named(name + " dirty ring"));
            }
            Cpuid cpuid = host.machineCpuid(machine.config().interrupts())
                    .forProcessor(id, machine.config().maxVcpus());
            var parts = new VcpuParts(id, name, descriptor, mapping, ring, machine.features(), cpuid, host);
            boolean clock = host.has(KvmCapability.TSC_CONTROL);
            if (machine.features().hasLapic()) {
                return clock ? new WiredVcpu.WithClock(parts) : new WiredVcpu(parts);
            }
            return clock ? new BareVcpu.WithClock(parts) : new BareVcpu(parts);
        } catch (RuntimeException | Error failure) {
            if (ring != null) {
                ring.close();
            }
            if (mapping != null) {
                mapping.close();
            }
            descriptor.close();
            throw failure;
        }
    }
}
