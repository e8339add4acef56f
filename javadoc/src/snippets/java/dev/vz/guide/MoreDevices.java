package dev.vz.guide;

import dev.vz.block.BlockDevice;
import dev.vz.display.InputSink;
import dev.vz.display.Screen;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.machine.watchdog.IntelWatchdog;
import dev.vz.machine.watchdog.WatchdogAction;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.gpu.GpuDevice;
import dev.vz.virtio.input.InputDevice;
import dev.vz.virtio.mem.PluggableMemoryDevice;
import dev.vz.virtio.pmem.PersistentMemoryDevice;
import dev.vz.virtio.scsi.ScsiDisk;
import dev.vz.virtio.scsi.ScsiHost;
import dev.vz.virtio.vhost.VhostUserDevice;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Executors;

/** The code of the chapter on more devices. */
final class MoreDevices {

    private MoreDevices() {}

    // @start region="pmem"
    /** Memory that is a file: what the guest writes there is there when another guest boots. */
    static PersistentMemoryDevice lasting(BuiltMachine built, Path file, long bytes) {
        MemoryRequest request = MemoryRequest.of(bytes).inFile(file).named("lasting");
        var region = built.addMemory(MemoryAllocator.preferred(request).allocate(request));
        var flushes = built.owns(Executors.newSingleThreadExecutor());
        var device = new PersistentMemoryDevice(region, flushes);
        VirtioSlots.overPci(built, device);
        return device;
    }
    // @end

    // @start region="mem"
    /** Up to {@code most} bytes that come and go while the guest runs; {@code wanted} of them to begin with. */
    static PluggableMemoryDevice pluggable(BuiltMachine built, long most, long wanted) {
        MemoryRequest request = MemoryRequest.of(most).named("pluggable");
        var device = new PluggableMemoryDevice(built.addMemory(MemoryAllocator.preferred(request).allocate(request)));
        device.request(wanted);
        VirtioSlots.overPci(built, device);
        return device;
    }
    // @end

    // @start region="scsi"
    /** An adapter with a target for each disk. */
    static void scsi(BuiltMachine built, List<BlockDevice> disks) {
        VirtioSlots.overPci(built, new ScsiHost(disks.stream().map(disk -> new ScsiDisk(disk, "vz-disk")).toList()));
    }
    // @end

    // @start region="watchdog"
    /** Resets the machine when the guest's watchdog program has stopped. */
    static IntelWatchdog watchdog(BuiltMachine built, Runnable noticed) {
        var watchdog = new IntelWatchdog(built.clock(), built.power(), WatchdogAction.RESET, noticed);
        built.pci().plug(watchdog);
        return watchdog;
    }
    // @end

    // @start region="desk"
    /** A screen of that many pixels, drawn into {@code screen}; the keys of whoever looks at it go to the result. */
    static InputSink desk(BuiltMachine built, Screen screen, int width, int height) {
        VirtioSlots.overPci(built, new GpuDevice(built.memory(), screen, width, height));
        InputDevice keyboard = InputDevice.keyboard();
        VirtioSlots.overPci(built, keyboard);
        VirtioSlots.overPci(built, InputDevice.tablet());
        return keyboard;
    }
    // @end

    // @start region="vhost"
    /** A disk that another process works for; the machine's memory was described with {@code Backing.MEMFD}. */
    static void elsewhere(BuiltMachine built, Path socket) {
        VirtioSlots.overPci(built, VhostUserDevice.block(UnixAddress.of(socket), built.memory(), 1));
    }
    // @end
}
