package dev.vz.samples.cli.device;

import dev.vz.machine.BuiltMachine;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.FileGate;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.queue.QueueFeatures;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** The devices that a guest of {@code vz} has beside those of every PC: its disks, and a source of randomness. */
public final class GuestDevices {

    /** Enough to keep a disk of the host busy; each waits for one request. */
    private static final int THREADS = 8;

    private GuestDevices() {}

    /**
     * Attaches them. They are closed with the machine.
     *
     * @throws dev.vz.error.VzException if an image cannot be opened; what was opened is closed with the machine
     */
    public static void attach(BuiltMachine machine, List<DiskOption> disks) {
        if (!disks.isEmpty()) {
            IoEngine engine = machine.owns(IoEngine.threads(THREADS));
            disks.forEach(disk -> attach(machine, disk, engine));
        }
        attach(machine, new EntropyDevice(new SecureRandom()), VirtioTransport.PCI, true);
    }

    private static void attach(BuiltMachine machine, DiskOption disk, IoEngine engine) {
        // An image may name a backing file; one that lies elsewhere than beside it is not for it to choose.
        Path folder = Objects.requireNonNull(disk.file().toAbsolutePath().getParent());
        var options = OpenOptions.DEFAULT.withReadOnly(disk.readOnly()).withCacheMode(disk.cache())
                .withGate(FileGate.within(folder)).withEngine(engine);
        var image = DiskImage.open(disk.file(), disk.format(), options);
        VirtioDevice<?> frontend;
        try {
            frontend = new BlockFrontend(image, disk.serial(), disk.queues());
        } catch (RuntimeException failure) {
            image.close();
            throw failure;
        }
        attach(machine, frontend, disk.transport(), disk.packed());
    }

    private static void attach(BuiltMachine machine, VirtioDevice<?> device, VirtioTransport transport,
            boolean packed) {
        WorkerLoop loop = machine.owns(WorkerLoop.started("vz-" + device.name()));
        var host = new DeviceHost(device, machine.memory(), queue -> loop,
                packed ? 0 : 1L << QueueFeatures.RING_PACKED);
        switch (transport) {
            case PCI -> VirtioSlots.overPci(machine, host);
            case MMIO -> VirtioSlots.overMmio(machine, host);
        }
    }

    /** The kernel modules that drive them, without those that these depend on. */
    public static Set<String> modules(List<DiskOption> disks) {
        var names = new LinkedHashSet<>(List.of("virtio_pci", "virtio-rng"));
        for (DiskOption disk : disks) {
            if (disk.transport() == VirtioTransport.MMIO) {
                names.add("virtio_mmio");
            }
            names.add("virtio_blk");
        }
        return names;
    }
}
