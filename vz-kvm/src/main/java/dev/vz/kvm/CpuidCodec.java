package dev.vz.kvm;

import dev.vz.cpu.x86.Cpuid;
import dev.vz.error.ConfigurationException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_cpuid_entry2;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;

/** {@code struct kvm_cpuid2}: a count, padding, and entries. */
final class CpuidCodec {

    /** KVM_MAX_CPUID_ENTRIES of the kernel: more are refused. */
    static final int MAXIMUM = 256;

    private static final long HEADER = 8;

    private CpuidCodec() {}

    /** Asks {@code request} of {@code descriptor} for as many entries as it has. */
    static Cpuid get(String operation, FileDescriptor descriptor, long request) {
        try (var arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(HEADER + MAXIMUM * kvm_cpuid_entry2.sizeof(), 8);
            table.set(ValueLayout.JAVA_INT, 0, MAXIMUM);
            Ioctl.checked("ioctl " + operation, descriptor, request, table);
            int count = table.get(ValueLayout.JAVA_INT, 0);
            var entries = new ArrayList<Cpuid.Entry>(count);
            for (int i = 0; i < count; i++) {
                MemorySegment e = kvm_cpuid_entry2.asSlice(table.asSlice(HEADER), i);
                boolean indexed = (kvm_cpuid_entry2.flags(e) & KvmHeaders.KVM_CPUID_FLAG_SIGNIFCANT_INDEX()) != 0;
                entries.add(new Cpuid.Entry(kvm_cpuid_entry2.function(e), indexed ? kvm_cpuid_entry2.index(e) : 0,
                        indexed, kvm_cpuid_entry2.eax(e), kvm_cpuid_entry2.ebx(e), kvm_cpuid_entry2.ecx(e),
                        kvm_cpuid_entry2.edx(e)));
            }
            return new Cpuid(entries);
        }
    }

    static void set(FileDescriptor vcpu, Cpuid cpuid) {
        int count = cpuid.entries().size();
        if (count > MAXIMUM) {
            throw new ConfigurationException("A CPUID table of " + count + " leaves is too long for " + vcpu
                    + "; KVM takes " + MAXIMUM);
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(HEADER + Math.max(count, 1) * kvm_cpuid_entry2.sizeof(), 8);
            table.set(ValueLayout.JAVA_INT, 0, count);
            for (int i = 0; i < count; i++) {
                Cpuid.Entry entry = cpuid.entries().get(i);
                MemorySegment e = kvm_cpuid_entry2.asSlice(table.asSlice(HEADER), i);
                kvm_cpuid_entry2.function(e, entry.function());
                kvm_cpuid_entry2.index(e, entry.index());
                kvm_cpuid_entry2.flags(e, entry.indexed() ? KvmHeaders.KVM_CPUID_FLAG_SIGNIFCANT_INDEX() : 0);
                kvm_cpuid_entry2.eax(e, entry.eax());
                kvm_cpuid_entry2.ebx(e, entry.ebx());
                kvm_cpuid_entry2.ecx(e, entry.ecx());
                kvm_cpuid_entry2.edx(e, entry.edx());
            }
            int result = Ioctl.call(vcpu, KvmHeaders.KVM_SET_CPUID2(), table);
            if (result == -Errno.EINVAL) {
                throw new ConfigurationException("KVM refuses the CPUID table for " + vcpu + " (EINVAL): it announces "
                        + "what the host cannot do, or differs from the one that the vCPU has run with; start from "
                        + "supportedCpuid() and set it before the first run");
            }
            Errno.check("ioctl KVM_SET_CPUID2", vcpu, result);
        }
    }
}
