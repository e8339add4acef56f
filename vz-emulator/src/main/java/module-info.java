import org.jspecify.annotations.NullMarked;

/**
 * The hypervisor "emulator": an x86-64 processor in software, for machines without virtualization hardware.
 *
 * <p>
 * Guest memory is reached through one memory segment over all addresses, so the module needs
 * {@code --enable-native-access=dev.vz.emulator} (or {@code ALL-UNNAMED} on the class path).
 */
@NullMarked
module dev.vz.emulator {
    requires transitive dev.vz.api;
    requires static transitive org.jspecify;

    exports dev.vz.emulator;

    provides dev.vz.hypervisor.Hypervisor with dev.vz.emulator.EmulatorHypervisor;
}
