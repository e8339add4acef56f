import org.jspecify.annotations.NullMarked;

/**
 * Machines: a PC board for any hypervisor, with boot loaders, firmware tables and the devices that every PC has.
 *
 * <p>
 * Start at {@link dev.vz.machine.MachineDescription} and {@link dev.vz.machine.Machine}. No back end is needed to compile
 * against this module; one is found at run time, or passed in.
 */
@NullMarked
module dev.vz.machine {
    requires transitive dev.vz.api;
    requires transitive dev.vz.virtio;
    requires static transitive org.jspecify;
    requires tools.jackson.databind;
    requires static com.github.luben.zstd_jni;
    requires static org.apache.commons.compress;
    requires static org.tukaani.xz;

    exports dev.vz.machine;
    exports dev.vz.machine.acpi;
    exports dev.vz.machine.boot;
    exports dev.vz.machine.clock;
    exports dev.vz.machine.device;
    exports dev.vz.machine.display;
    exports dev.vz.machine.json;
    exports dev.vz.machine.pci;
    exports dev.vz.machine.serial;
    exports dev.vz.machine.virtio;
    exports dev.vz.machine.watchdog;
}
