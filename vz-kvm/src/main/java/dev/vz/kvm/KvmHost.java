package dev.vz.kvm;

import dev.vz.cpu.x86.Cpuid;
import dev.vz.hypervisor.VirtualMachineConfig.Interrupts;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What does not change while a process looks at a KVM device: asked once, because a machine that lives for a millisecond
 * cannot ask 150 questions first.
 */
final class KvmHost {

    private static final Map<Path, KvmHost> KNOWN = new ConcurrentHashMap<>();

    private final Map<KvmCapability, Integer> extensions = new EnumMap<>(KvmCapability.class);
    private final int vcpuMappingSize;
    private final Cpuid supportedCpuid;
    private final Map<Interrupts, Cpuid> machineCpuid = new EnumMap<>(Interrupts.class);
    private final List<Integer> msrIndices;
    private final Map<Interrupts, List<Integer>> restorableMsrs = new ConcurrentHashMap<>();
    private volatile @Nullable Boolean showsMore;

    private KvmHost(FileDescriptor system) {
        for (KvmCapability capability : KvmCapability.values()) {
            extensions.put(capability, Ioctl.checked("ioctl KVM_CHECK_EXTENSION", system,
                    KvmHeaders.KVM_CHECK_EXTENSION(), capability.number()));
        }
        vcpuMappingSize = Ioctl.checked("ioctl KVM_GET_VCPU_MMAP_SIZE", system, KvmHeaders.KVM_GET_VCPU_MMAP_SIZE(),
                0);
        supportedCpuid = CpuidCodec.get("KVM_GET_SUPPORTED_CPUID", system, KvmHeaders.KVM_GET_SUPPORTED_CPUID());
        boolean deadline = has(KvmCapability.TSC_DEADLINE_TIMER);
        for (Interrupts interrupts : Interrupts.values()) {
            machineCpuid.put(interrupts, CpuidFilter.forMachine(supportedCpuid, interrupts, deadline));
        }
        msrIndices = MsrCodec.indices("KVM_GET_MSR_INDEX_LIST", system, KvmHeaders.KVM_GET_MSR_INDEX_LIST());
    }

    static KvmHost of(Path path, FileDescriptor system) {
        KvmHost known = KNOWN.get(path);
        if (known == null) {
            known = new KvmHost(system);
            KNOWN.put(path, known);
        }
        return known;
    }

    /** What KVM_CHECK_EXTENSION said. */
    int value(KvmCapability capability) {
        return extensions.getOrDefault(capability, 0);
    }

    boolean has(KvmMachineType type) {
        return type == KvmMachineType.DEFAULT || (value(KvmCapability.VM_TYPES) & 1 << type.number()) != 0;
    }

    boolean has(KvmCapability capability) {
        return value(capability) > 0;
    }

    /** Bytes of a vCPU's shared pages. */
    int vcpuMappingSize() {
        return vcpuMappingSize;
    }

    Cpuid supportedCpuid() {
        return supportedCpuid;
    }

    /** What of it a vCPU of a machine with its interrupt controllers there can be told. */
    Cpuid machineCpuid(Interrupts interrupts) {
        return machineCpuid.getOrDefault(interrupts, supportedCpuid);
    }

    List<Integer> msrIndices() {
        return msrIndices;
    }

    /** Those of them that are state of a vCPU of a machine with its interrupt controllers there; asked of a new one. */
    List<Integer> restorableMsrs(Interrupts interrupts, VcpuState vcpu) {
        List<Integer> known = restorableMsrs.get(interrupts);
        if (known == null) {
            known = vcpu.restorableMsrs(msrIndices);
            restorableMsrs.put(interrupts, known);
        }
        return known;
    }

    /**
     * The most that a vCPU's CPUID may announce: what it was given, unless KVM shows more than that. One without
     * virtualization hardware cannot keep ring 3 from seeing the host's own, so it says so.
     */
    Cpuid shown(VcpuState vcpu, Cpuid given) {
        Boolean known = showsMore;
        if (known == null) {
            known = !given.missingFrom(vcpu.cpuid()).isEmpty();
            showsMore = known;
        }
        return known ? vcpu.cpuid() : given;
    }
}
