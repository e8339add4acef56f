package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.machine.PausedMachine;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.pci.PciAddress;
import dev.vz.pci.PciFunction;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.filter.FilterClock;
import dev.vz.storage.filter.RateLimit;
import dev.vz.storage.filter.ThrottleGroup;
import dev.vz.storage.image.ImageFormat;
import dev.vz.virtio.balloon.BalloonDevice;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.pci.VirtioPciFunction;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A machine that changes while Linux runs on it: devices come and go, it stands still, it starts again. */
@Tag("guest")
@Timeout(400)
class HotPlugIT {

    @TempDir
    Path folder;

    private Path disk(String name) throws Exception {
        Path file = folder.resolve(name);
        try (var bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.setLength(32 << 20);
        }
        return file;
    }

    @Test
    void a_disk_is_plugged_used_and_unplugged_again_and_again() throws Exception {
        String script = """
                for round in 1 2 3; do
                    echo waiting $round
                    until [ -b /dev/vda ]; do usleep 20000; done
                    mke2fs -F /dev/vda >/dev/null && mkdir -p /mnt && mount -t ext4 /dev/vda /mnt || exit 1
                    dd if=/dev/urandom of=/mnt/f bs=64k count=32 2>/dev/null
                    sum=$(sha256sum /mnt/f); umount /mnt; mount -t ext4 /dev/vda /mnt
                    [ "$(sha256sum /mnt/f)" = "$sum" ] || exit 2
                    umount /mnt; echo used $round
                    until [ ! -e /dev/vda ]; do usleep 20000; done
                    # The disk goes before its function does.
                    until [ $(ls /sys/bus/pci/devices | wc -l) = 1 ]; do usleep 20000; done; echo left $round
                done
                """;
        try (WorkerLoop loop = WorkerLoop.started("hot plug");
                KitGuest guest = KitGuest.start(1, GuestDevices.NONE.withDisks(List.of(
                        DiskOption.parse("none"))).modules(), machine -> {}, script)) {
            for (int round = 1; round <= 3; round++) {
                guest.await("waiting " + round);
                var image = DiskImage.open(disk("disk" + round), ImageFormat.RAW, OpenOptions.DEFAULT);
                VirtioPciFunction function = VirtioSlots.hotPlug(guest.machine(), new DeviceHost(
                        new BlockFrontend(image, "round" + round), guest.machine().memory(), loop));
                Map<PciAddress, PciFunction> plugged = guest.machine().pci().functions();
                assertThat(plugged).containsValue(function);
                PciAddress address = plugged.keySet().iterator().next();
                guest.await("used " + round);
                PciFunction gone = guest.machine().pci().unplug(address).toCompletableFuture()
                        .get(KitGuest.LIMIT.toSeconds(), TimeUnit.SECONDS);
                assertThat(gone).isSameAs(function);
                function.close();
                guest.await("left " + round);
            }
            guest.awaitEnd(0);
        }
    }

    /** Files of random bytes, written and read back, {@value #MEBIBYTES} MiB together if the property does not say more. */
    private static final String AMOUNT = "vz.guest.mebibytes";
    private static final int MEBIBYTES = 32;
    private static final int FILE = 4;
    /** Fewest times, but one, that the host changes the machine, and where on the disk it says that it has. */
    private static final int ROUNDS = 2;
    private static final long ENOUGH = 31L << 20;

    @Test
    void input_and_output_stay_correct_while_the_host_throttles_pauses_balloons_and_plugs() throws Exception {
        int files = Integer.getInteger(AMOUNT, MEBIBYTES) / FILE;
        String script = """
                mke2fs -F /dev/vda 24576 >/dev/null && mkdir -p /mnt && mount -t ext4 /dev/vda /mnt || exit 1
                dd if=/dev/urandom of=/tmp/r bs=64k count=64 2>/dev/null; sum=$(md5sum </tmp/r)
                echo writing
                # The host writes behind the file system that it has done enough in between.
                enough() { [ "$(dd if=/dev/vda bs=1M skip=%d count=1 2>/dev/null | head -c 6)" = enough ]; }
                i=0; while [ $i -lt %d ] || ! enough; do
                    dd if=/tmp/r of=/mnt/$((i %% 3)) bs=$((4 << i %% 6))k conv=fsync 2>/dev/null || exit 2
                    echo 3 >/proc/sys/vm/drop_caches
                    [ "$(md5sum </mnt/$((i %% 3)))" = "$sum" ] || exit 3
                    i=$((i + 1))
                done
                echo written
                """.formatted(ENOUGH >> 20, files);
        var group = new ThrottleGroup(ThrottleGroup.Limits.NONE, FilterClock.system());
        Path disk = disk("disk");
        BlockDevice image = group.attach(DiskImage.open(disk, ImageFormat.RAW, OpenOptions.DEFAULT));
        var balloon = new BalloonDevice[1];
        try (WorkerLoop loop = WorkerLoop.started("hot plug");
                KitGuest guest = KitGuest.start(2, Set.of("virtio_pci", "virtio_blk", "virtio_balloon"), machine -> {
                    VirtioSlots.overPci(machine, new BlockFrontend(image, "steady"));
                    balloon[0] = new BalloonDevice(machine.memory());
                    VirtioSlots.overPci(machine, balloon[0]);
                }, script)) {
            guest.await("writing");
            int rounds = 0;
            long most = 0;
            while (!guest.output().contains("written") && guest.machine().outcome().isEmpty()) {
                group.limits(ThrottleGroup.Limits.NONE.withBytes(RateLimit.of(rounds % 2 == 0 ? 24 << 20 : 256 << 20)));
                balloon[0].target(rounds % 2 == 0 ? 96L << 20 : 8L << 20);
                pause(guest);
                plugAndUnplug(guest, loop, rounds++);
                most = Math.max(most, balloon[0].ballooned());
                if (rounds > ROUNDS && most > 0) {
                    enough(disk);
                }
            }
            group.limits(ThrottleGroup.Limits.NONE);
            guest.awaitEnd(0);
            assertThat(rounds).isGreaterThan(ROUNDS);
            assertThat(most).as("bytes in the balloon").isPositive();
        }
    }

    private static void enough(Path disk) throws IOException {
        try (var bytes = new RandomAccessFile(disk.toFile(), "rw")) {
            bytes.seek(ENOUGH);
            bytes.writeBytes("enough");
        }
    }

    private static void pause(KitGuest guest) throws InterruptedException {
        try (PausedMachine paused = guest.machine().pause()) {
            assertThat(paused.devices()).containsKeys("00:01.0 virtio-blk", "00:01.0 virtio-blk device", "PCI");
            paused.devices().values().forEach(device -> assertThat(device.save()).isNotNull());
            Thread.sleep(20);
        }
    }

    private void plugAndUnplug(KitGuest guest, WorkerLoop loop, int round) throws Exception {
        var image = DiskImage.open(disk("plugged" + round), ImageFormat.RAW, OpenOptions.DEFAULT);
        VirtioPciFunction function = VirtioSlots.hotPlug(guest.machine(),
                new DeviceHost(new BlockFrontend(image, "round" + round), guest.machine().memory(), loop));
        PciAddress address = guest.machine().pci().functions().entrySet().stream()
                .filter(entry -> entry.getValue() == function).findFirst().orElseThrow().getKey();
        Thread.sleep(200);
        CompletableFuture<PciFunction> gone = guest.machine().pci().unplug(address).toCompletableFuture();
        while (!gone.isDone() && guest.machine().outcome().isEmpty()) {
            Thread.sleep(20);
        }
        if (gone.isDone()) {
            function.close();
        }
    }

    @Test
    void a_guest_that_reboots_finds_its_disks_again() throws Exception {
        String script = """
                if [ "$(head -c 5 /dev/vda)" = again ] && [ "$(head -c 5 /dev/vdb)" = again ]; then
                    echo second boot; exit 0
                fi
                for d in vda vdb; do printf again | dd of=/dev/$d conv=fsync 2>/dev/null; done
                echo first boot; reboot -f
                """;
        List<DiskOption> disks = List.of(DiskOption.parse(disk("a").toString()),
                DiskOption.parse(disk("b") + ",transport=mmio"));
        try (KitGuest guest = KitGuest.start(1, GuestDevices.NONE.withDisks(disks), script)) {
            guest.await("first boot");
            guest.await("second boot");
            guest.awaitEnd(0);
        }
    }
}
