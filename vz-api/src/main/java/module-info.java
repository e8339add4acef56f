import org.jspecify.annotations.NullMarked;

/**
 * The words every Vz module speaks: hypervisors and virtual CPUs, guest memory, buses, interrupts, and the seams to
 * disks, network links and screens.
 *
 * <p>
 * Nothing here runs a guest by itself. A back end ({@code dev.vz.kvm}, {@code dev.vz.emulator}) implements
 * {@link dev.vz.hypervisor.Hypervisor} and is found through {@link java.util.ServiceLoader}; devices and boards are
 * written against these types only.
 */
@NullMarked
module dev.vz.api {
    requires static transitive org.jspecify;

    exports dev.vz.block;
    exports dev.vz.bus;
    exports dev.vz.cpu;
    exports dev.vz.cpu.x86;
    exports dev.vz.display;
    exports dev.vz.error;
    exports dev.vz.hypervisor;
    exports dev.vz.irq;
    exports dev.vz.link;
    exports dev.vz.memory;
    exports dev.vz.pci;
    exports dev.vz.schedule;
    exports dev.vz.state;
    exports dev.vz.thread;

    uses dev.vz.hypervisor.Hypervisor;
    uses dev.vz.memory.MemoryAllocator;
}
