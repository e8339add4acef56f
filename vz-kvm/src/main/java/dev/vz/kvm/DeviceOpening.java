package dev.vz.kvm;

import dev.vz.error.CapabilityException;
import dev.vz.error.HostException;
import dev.vz.error.VzException;
import dev.vz.kvm.generated.KvmHeaders;
import dev.vz.linux.Errno;
import dev.vz.linux.FileDescriptor;
import dev.vz.linux.Ioctl;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.OpenFlag;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The outcome of opening a KVM device: a descriptor, or what is in the way and what to do about it. */
sealed interface DeviceOpening {

    /** It is open, speaks version 12 and has what every machine needs. */
    record Opened(FileDescriptor descriptor) implements DeviceOpening {}

    /** It is not, for a reason that people can act on. */
    record Refused(String reason, String remedy, VzException exception) implements DeviceOpening {}

    /** What no machine of this back end can do without; Linux 4.13 and later have all of it. */
    List<KvmCapability> NEEDED = List.of(KvmCapability.USER_MEMORY, KvmCapability.SET_TSS_ADDR,
            KvmCapability.EXT_CPUID, KvmCapability.MP_STATE, KvmCapability.SYNC_MMU,
            KvmCapability.DESTROY_MEMORY_REGION_WORKS, KvmCapability.USER_NMI, KvmCapability.SET_GUEST_DEBUG,
            KvmCapability.IRQFD, KvmCapability.IOEVENTFD, KvmCapability.SET_IDENTITY_MAP_ADDR,
            KvmCapability.ADJUST_CLOCK, KvmCapability.INTERNAL_ERROR_DATA, KvmCapability.VCPU_EVENTS,
            KvmCapability.DEBUGREGS, KvmCapability.XSAVE, KvmCapability.XCRS, KvmCapability.GET_TSC_KHZ,
            KvmCapability.ENABLE_CAP_VM, KvmCapability.CHECK_EXTENSION_VM, KvmCapability.IMMEDIATE_EXIT);

    /** Opens {@code path} and looks whether it is a KVM that can be used. Throws nothing. */
    static DeviceOpening attempt(Path path) {
        try {
            NativeAccess.require();
        } catch (CapabilityException denied) {
            return new Refused("native calls are not possible", "start the JVM with " + NativeAccess.option(), denied);
        }
        FileDescriptor descriptor;
        try {
            descriptor = FileDescriptor.open(path, OpenFlag.READ_WRITE);
        } catch (HostException failure) {
            return notOpened(path, failure.errno());
        }
        try {
            int version = Ioctl.call(descriptor, KvmHeaders.KVM_GET_API_VERSION(), 0);
            var refused = checkVersion(path, version);
            if (refused == null) {
                var missing = new ArrayList<String>();
                for (KvmCapability needed : NEEDED) {
                    if (Ioctl.call(descriptor, KvmHeaders.KVM_CHECK_EXTENSION(), needed.number()) <= 0) {
                        missing.add(needed.kernelName());
                    }
                }
                refused = checkMissing(path, missing);
            }
            if (refused == null) {
                return new Opened(descriptor);
            }
            descriptor.close();
            return refused;
        } catch (RuntimeException | Error failure) {
            descriptor.close();
            throw failure;
        }
    }

    static Refused notOpened(Path path, int errno) {
        String remedy = switch (errno) {
            case Errno.ENOENT, Errno.ENODEV, Errno.ENXIO, Errno.ENOTDIR ->
                    "load the module (modprobe kvm_intel or kvm_amd), switch virtualization on in the firmware, or pass the "
                            + "device into the container; without it choose another back end";
            case Errno.EACCES, Errno.EPERM ->
                    "add the user to group kvm (usermod -aG kvm USER) and log in again, or let the container use the device";
            default -> "look at the device with ls -l " + path;
        };
        return new Refused(path + ": " + Errno.name(errno) + " (" + errno + ")", remedy,
                new HostException("open", path.toString(), errno, Errno.name(errno), remedy));
    }

    /** {@code null} if {@code version}, what KVM_GET_API_VERSION returned, is the one that this back end speaks. */
    static @Nullable Refused checkVersion(Path path, int version) {
        int wanted = KvmHeaders.KVM_API_VERSION();
        if (version == wanted) {
            return null;
        }
        String reason = version < 0
                ? path + " is no KVM device: KVM_GET_API_VERSION failed with " + Errno.name(-version)
                : path + " speaks version " + version + " of the KVM interface, this back end speaks " + wanted;
        String remedy = version < 0
                ? "use " + KvmSystem.DEVICE
                : "use a kernel whose KVM has the stable interface (Linux 2.6.22 and later), or another back end";
        return new Refused(reason, remedy, new CapabilityException(reason + "; " + remedy));
    }

    static @Nullable Refused checkMissing(Path path, List<String> missing) {
        if (missing.isEmpty()) {
            return null;
        }
        String reason = "KVM through " + path + " lacks " + String.join(", ", missing);
        String remedy = "use Linux 4.13 or newer, or another back end";
        return new Refused(reason, remedy, new CapabilityException(reason + "; " + remedy));
    }
}
