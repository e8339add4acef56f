package dev.vz.kvm;

import dev.vz.cpu.x86.Cpuid;
import dev.vz.cpu.x86.MsrEntry;
import dev.vz.error.VzException;
import dev.vz.hypervisor.VirtualMachineConfig;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.kvm.generated.kvm_device_attr;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The KVM device: what this kernel's KVM can do, and the place where machines come from (the system ioctls).
 *
 * <p>
 * Whoever opens it closes it; machines made from it live on. Thread-safe.
 */
public final class KvmSystem implements AutoCloseable {

    /** Where the device is unless somebody says otherwise. */
    public static final Path DEVICE = Path.of("/dev/kvm");

    private final Path path;
    private final FileDescriptor descriptor;
    private final KvmHost host;

    private KvmSystem(Path path, FileDescriptor descriptor) {
        this.path = path;
        this.descriptor = descriptor;
        this.host = KvmHost.of(path, descriptor);
    }

    /** Opens {@link #DEVICE}; see {@link #open(Path)}. */
    public static KvmSystem open() {
        return open(DEVICE);
    }

    /**
     * Opens {@code path}.
     *
     * @throws dev.vz.error.HostException       if it is not there or may not be opened
     * @throws dev.vz.error.CapabilityException if it is no KVM device, speaks another version of the interface than 12, or
     *                                          lacks what every machine needs (Linux 4.13 or newer has it)
     */
    public static KvmSystem open(Path path) {
        return switch (DeviceOpening.attempt(path)) {
            case DeviceOpening.Opened opened -> adopt(path, opened.descriptor());
            case DeviceOpening.Refused refused -> throw refused.exception();
        };
    }

    private static KvmSystem adopt(Path path, FileDescriptor descriptor) {
        try {
            return new KvmSystem(path, descriptor);
        } catch (VzException failure) {
            descriptor.close();
            throw failure;
        }
    }

    /** The device's path. */
    public Path path() {
        return path;
    }

    /** The version of the interface: 12. */
    public int apiVersion() {
        return Ioctl.checked("ioctl KVM_GET_API_VERSION", descriptor, KvmHeaders.KVM_GET_API_VERSION(), 0);
    }

    /** What {@code KVM_CHECK_EXTENSION} says of any number: 0 for no, 1 for yes, or a value of its own. */
    public int checkExtension(int number) {
        return Ioctl.checked("ioctl KVM_CHECK_EXTENSION", descriptor, KvmHeaders.KVM_CHECK_EXTENSION(), number);
    }

    /** What {@code KVM_CHECK_EXTENSION} says of {@code capability}: 0 for no, 1 for yes, or a value of its own. */
    public int check(KvmCapability capability) {
        return checkExtension(capability.number());
    }

    /** Whether this kernel has {@code capability}. */
    public boolean has(KvmCapability capability) {
        return check(capability) > 0;
    }

    /** All that this kernel has. */
    public Set<KvmCapability> capabilities() {
        var found = EnumSet.noneOf(KvmCapability.class);
        for (KvmCapability capability : KvmCapability.values()) {
            if (has(capability)) {
                found.add(capability);
            }
        }
        return Collections.unmodifiableSet(found);
    }

    /**
     * What {@code KVM_GET_SUPPORTED_CPUID} says: every feature that the kernel and the host's processor can give a guest.
     * {@link KvmVcpu#supportedCpuid()} is what is left of it for one vCPU.
     */
    public Cpuid supportedCpuid() {
        return host.supportedCpuid();
    }

    /** Features that KVM emulates although the host's processor lacks them; slow, so guests get them only if asked. */
    public Cpuid emulatedCpuid() {
        return CpuidCodec.get("KVM_GET_EMULATED_CPUID", descriptor, KvmHeaders.KVM_GET_EMULATED_CPUID());
    }

    /** The Hyper-V leaves that KVM can show a guest, if this kernel tells without a vCPU. */
    public Optional<Cpuid> hyperVCpuid() {
        return has(KvmCapability.SYS_HYPERV_CPUID)
                ? Optional.of(CpuidCodec.get("KVM_GET_SUPPORTED_HV_CPUID", descriptor,
                        KvmHeaders.KVM_GET_SUPPORTED_HV_CPUID()))
                : Optional.empty();
    }

    /** Indices of the MSRs that make up a guest's state. */
    public List<Integer> msrIndices() {
        return host.msrIndices();
    }

    /** Indices of the MSRs that tell what the host can do; empty where the kernel does not tell. */
    public List<Integer> featureMsrIndices() {
        return has(KvmCapability.GET_MSR_FEATURES)
                ? MsrCodec.indices("KVM_GET_MSR_FEATURE_INDEX_LIST", descriptor,
                        KvmHeaders.KVM_GET_MSR_FEATURE_INDEX_LIST())
                : List.of();
    }

    /**
     * Reads MSRs that tell what the host can do.
     *
     * @throws dev.vz.error.ConfigurationException naming the first index that is none of {@link #featureMsrIndices()}
     */
    public List<MsrEntry> featureMsrs(List<Integer> indices) {
        return MsrCodec.get(descriptor, indices);
    }

    /** The XSAVE components that a guest may be given after the process asked for them (AMX); empty where unknown. */
    public OptionalLong guestXstateComponents() {
        if (!has(KvmCapability.SYS_ATTRIBUTES)) {
            return OptionalLong.empty();
        }
        try (var arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(ValueLayout.JAVA_LONG);
            MemorySegment attribute = kvm_device_attr.allocate(arena);
            kvm_device_attr.attr(attribute, KvmHeaders.KVM_X86_XCOMP_GUEST_SUPP());
            kvm_device_attr.addr(attribute, value.address());
            Ioctl.checked("ioctl KVM_GET_DEVICE_ATTR XCOMP_GUEST_SUPP", descriptor, KvmHeaders.KVM_GET_DEVICE_ATTR(),
                    attribute);
            return OptionalLong.of(value.get(ValueLayout.JAVA_LONG, 0));
        }
    }

    /** The machine check capabilities (MCG_CAP) that vCPUs can be given. */
    public long machineCheckCapabilities() {
        try (var arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(ValueLayout.JAVA_LONG);
            Ioctl.checked("ioctl KVM_X86_GET_MCE_CAP_SUPPORTED", descriptor,
                    KvmHeaders.KVM_X86_GET_MCE_CAP_SUPPORTED(), value);
            return value.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /**
     * Makes an empty machine: memory, no vCPUs.
     *
     * @throws dev.vz.error.CapabilityException    if the kernel lacks what {@code config} asks for
     * @throws dev.vz.error.ConfigurationException if {@code config} cannot be
     * @throws dev.vz.error.HostException          if the kernel refuses
     */
    public KvmVirtualMachine createVirtualMachine(VirtualMachineConfig config) {
        return createVirtualMachine(config, KvmMachineType.DEFAULT);
    }

    /**
     * Makes an empty machine of {@code type}.
     *
     * @throws dev.vz.error.CapabilityException    if the kernel lacks the type, or what {@code config} asks for
     * @throws dev.vz.error.ConfigurationException if {@code config} cannot be
     * @throws dev.vz.error.HostException          if the kernel refuses
     */
    public KvmVirtualMachine createVirtualMachine(VirtualMachineConfig config, KvmMachineType type) {
        return MachineBuilder.build(descriptor, host, config, type);
    }

    /** The types of machine that this kernel makes: {@link KvmMachineType#DEFAULT}, at least. */
    public Set<KvmMachineType> machineTypes() {
        var found = EnumSet.of(KvmMachineType.DEFAULT);
        for (KvmMachineType type : KvmMachineType.values()) {
            if (host.has(type)) {
                found.add(type);
            }
        }
        return Collections.unmodifiableSet(found);
    }

    FileDescriptor descriptor() {
        return descriptor;
    }

    @Override
    public void close() {
        descriptor.close();
    }

    @Override
    public String toString() {
        return "KVM through " + path;
    }
}
