import org.jspecify.annotations.NullMarked;

/**
 * The hypervisor "kvm": virtual machines on Linux through {@code /dev/kvm}.
 *
 * <p>
 * Needs {@code --enable-native-access=dev.vz.linux} (or {@code ALL-UNNAMED} on the class path), and read and write
 * access to the device.
 */
@NullMarked
module dev.vz.kvm {
    requires transitive dev.vz.api;
    requires dev.vz.linux;
    requires static transitive org.jspecify;

    exports dev.vz.kvm;

    provides dev.vz.hypervisor.Hypervisor with dev.vz.kvm.KvmHypervisor;
}
