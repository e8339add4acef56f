package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.machine.BuiltMachine;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.machine.watchdog.IntelWatchdog;
import dev.vz.machine.watchdog.WatchdogAction;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRequest;
import dev.vz.testing.Peers;
import dev.vz.virtio.mem.PluggableMemoryDevice;
import dev.vz.virtio.pmem.PersistentMemoryDevice;
import dev.vz.virtio.scsi.ScsiDisk;
import dev.vz.virtio.scsi.ScsiHost;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory that lasts, memory that comes and goes, a SCSI disk, the clock's interrupts, and a watchdog that resets the
 * machine, as Linux's own drivers use them: virtio_pmem and nd_pmem, virtio_mem, virtio_scsi and sd_mod, rtc_cmos, i6300esb.
 * One guest, which boots twice.
 */
@Tag("guest")
@Timeout(600)
@SuppressWarnings("NullAway.Init")
class MemoryDevicesIT {

    private static final int LASTING = 16 << 20;
    private static final long PLUGGABLE = 256L << 20;
    /** Where in the lasting memory the test's own bytes are, behind the file system. */
    private static final int MARK = 15 << 20;

    private static final Set<String> MODULES = Set.of("virtio_pmem", "nd_pmem", "ext4", "crc32c_generic", "virtio_mem",
            "i6300esb", "virtio_scsi", "sd_mod");

    private static final String SCRIPT = """
            total() { awk '/MemTotal/ {print $2}' /proc/meminfo; }
            if [ "$(cat /sys/class/watchdog/watchdog0/bootstatus)" = 32 ]; then
                mkdir -p /mnt/p && mount -t ext4 -o ro /dev/pmem0 /mnt/p || exit 20
                sha256sum -c /mnt/p/sum || exit 21
                echo second boot; exit 0
            fi
            ls -d /sys/bus/virtio/drivers/virtio_pmem/virtio* /sys/bus/virtio/drivers/virtio_mem/virtio* | wc -l
            # A small file system on memory that lasts, read and written past the page cache where that is possible.
            mke2fs -F -b 4096 /dev/pmem0 3072 >/dev/null 2>&1 || exit 1
            mkdir -p /mnt/p; mount -t ext4 -o dax /dev/pmem0 /mnt/p || exit 2
            grep -o 'dax[=a-z]*' /proc/mounts | head -n 1
            dd if=/dev/urandom of=/mnt/p/f bs=64k count=32 conv=fsync 2>/dev/null || exit 3
            sha256sum /mnt/p/f >/mnt/p/sum; sync; umount /mnt/p || exit 4
            mount -t ext4 /dev/pmem0 /mnt/p && sha256sum -c /mnt/p/sum || exit 5
            umount /mnt/p; cd /sys/bus/virtio/drivers/virtio_pmem; d=$(basename virtio[0-9]*)
            echo $d >unbind; [ ! -e /dev/pmem0 ] || exit 6
            echo $d >bind; until [ -b /dev/pmem0 ]; do usleep 20000; done
            printf 'written by the guest' | dd of=/dev/pmem0 bs=1M seek=15 conv=fsync 2>/dev/null || exit 7
            cat /sys/block/sda/device/vendor /sys/block/sda/device/model; blockdev --getsize64 /dev/sda
            dd if=/dev/urandom of=/dev/sda bs=64k count=64 conv=fsync 2>/dev/null || exit 10
            blkdiscard -o 4194304 -l 4194304 /dev/sda || exit 11
            echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/sda bs=64k count=64 2>/dev/null | sha256sum
            /mnt/s/rtc || exit 8
            echo online_movable >/sys/devices/system/memory/auto_online_blocks
            before=$(total); echo plug
            until [ $(total) -ge $((before + 196608)) ]; do usleep 50000; done; echo larger
            # Use it, so that unplugging has something to move.
            mount -t tmpfs -o size=400m t /tmp && dd if=/dev/zero of=/tmp/z bs=1M count=350 2>/dev/null || exit 9
            rm /tmp/z; echo used
            until [ $(total) -le $((before + 65536)) ]; do usleep 50000; done; echo smaller
            until [ -e /mnt/s/go ]; do usleep 50000; done
            # Nobody touches it any more: killed, this program does not say that it means to end.
            watchdog -F -t 1 -T 4 /dev/watchdog0 & sleep 2; kill -9 $!
            sleep 300
            """;

    @TempDir
    Path folder;

    private PluggableMemoryDevice pluggable;
    private IntelWatchdog watchdog;
    private final MemoryBlockDevice disk = MemoryBlockDevice.ofSize(16 << 20);
    private final CountDownLatch rang = new CountDownLatch(1);

    private static void compile(Path target) throws Exception {
        Path gcc = Peers.program("gcc", "gcc");
        Path source = target.resolveSibling("rtc.c");
        try (InputStream text = Objects.requireNonNull(MemoryDevicesIT.class.getResourceAsStream("rtc.c"))) {
            Files.copy(text, source);
        }
        Process compiler = new ProcessBuilder(gcc.toString(), "-O1", "-static", "-Wall", "-Werror", "-o",
                target.toString(), source.toString()).inheritIO().start();
        assertThat(compiler.waitFor()).isZero();
    }

    private void attach(BuiltMachine machine, Path file) {
        MemoryRequest lasting = MemoryRequest.of(LASTING).inFile(file).named("pmem");
        VirtioSlots.overPci(machine, new PersistentMemoryDevice(
                machine.addMemory(MemoryAllocator.preferred(lasting).allocate(lasting)),
                machine.owns(Executors.newSingleThreadExecutor())));
        MemoryRequest blocks = MemoryRequest.of(PLUGGABLE).named("pluggable");
        pluggable = new PluggableMemoryDevice(
                machine.addMemory(MemoryAllocator.preferred(blocks).allocate(blocks)));
        VirtioSlots.overPci(machine, pluggable);
        watchdog = new IntelWatchdog(machine.clock(), machine.power(), WatchdogAction.RESET, rang::countDown);
        machine.pci().plug(watchdog);
        VirtioSlots.overPci(machine, new ScsiHost(List.of(new ScsiDisk(disk, "a-serial"))));
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + KitGuest.LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as(what).isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    @Test
    void memory_lasts_comes_and_goes_and_a_guest_that_stops_is_reset() throws Exception {
        Path file = folder.resolve("pmem");
        Path shared = Files.createDirectory(folder.resolve("shared"));
        compile(shared.resolve("rtc"));
        GuestDevices devices = GuestDevices.NONE.withShares(List.of(ShareOption.parse("s=" + shared)));
        try (KitGuest guest = KitGuest.startStandard(devices, MODULES, machine -> attach(machine, file), SCRIPT)) {
            guest.await("plug");
            assertThat(guest.output()).startsWith("2\ndax").contains("/mnt/p/f: OK\n")
                    .contains("clock interrupts: update, alarm, periodic\n");
            assertThat(bytes(file)).isEqualTo("written by the guest");
            assertThat(guest.output()).contains("Vz      \nVirtual disk    \n" + (16 << 20) + "\n")
                    .contains(firstBytesOfDisk() + "  -\n");
            assertThat(pluggable.plugged()).isZero();
            pluggable.request(192L << 20);
            await("the memory is plugged", () -> pluggable.plugged() == 192L << 20);
            guest.await("used");
            pluggable.request(64L << 20);
            await("the memory is unplugged", () -> pluggable.plugged() == 64L << 20);
            var none = new AtomicBoolean();
            pluggable.onChange(() -> none.compareAndSet(false, pluggable.plugged() == 0));
            guest.await("smaller");
            assertThat(none).isFalse();
            Files.createFile(shared.resolve("go"));
            assertThat(rang.await(KitGuest.LIMIT.toSeconds(), TimeUnit.SECONDS)).isTrue();
            guest.await("second boot");
            assertThat(watchdog.timedOut()).as("the driver has taken note").isFalse();
            assertThat(none).as("the new kernel begins with none").isTrue();
            guest.awaitEnd(0);
        }
        assertThat(bytes(file)).isEqualTo("written by the guest");
    }

    private String firstBytesOfDisk() throws Exception {
        var bytes = new byte[4 << 20];
        disk.read(0, MemorySegment.ofArray(bytes));
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private static String bytes(Path file) throws Exception {
        try (var bytes = new RandomAccessFile(file.toFile(), "r")) {
            bytes.seek(MARK);
            var mark = new byte["written by the guest".length()];
            bytes.readFully(mark);
            return new String(mark, StandardCharsets.US_ASCII);
        }
    }
}
