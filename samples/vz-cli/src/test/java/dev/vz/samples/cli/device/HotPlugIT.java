package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.machine.PausedMachine;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.pci.PciAddress;
import dev.vz.pci.PciFunction;
import dev.vz.storage.DiskImage;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.WorkerLoop;
import dev.vz.virtio.pci.VirtioPciFunction;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
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
                    echo left $round $(ls /sys/bus/pci/devices | wc -l)
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
                guest.await("left " + round + " 1");
            }
            guest.awaitEnd(0);
        }
    }

    @Test
    void input_and_output_go_on_correctly_over_pauses() throws Exception {
        String script = """
                mke2fs -F /dev/vda >/dev/null && mkdir -p /mnt && mount -t ext4 /dev/vda /mnt || exit 1
                dd if=/dev/urandom of=/tmp/r bs=64k count=64 2>/dev/null; sum=$(sha256sum </tmp/r)
                echo writing
                for i in 1 2 3 4; do
                    dd if=/tmp/r of=/mnt/$i bs=8k conv=fsync 2>/dev/null || exit 2
                    echo 3 >/proc/sys/vm/drop_caches
                    [ "$(sha256sum </mnt/$i)" = "$sum" ] || exit 3
                done
                echo written
                """;
        List<DiskOption> disks = List.of(DiskOption.parse(disk("disk").toString()));
        try (KitGuest guest = KitGuest.start(2, GuestDevices.NONE.withDisks(disks), script)) {
            guest.await("writing");
            int pauses = 0;
            while (!guest.output().contains("written") && guest.machine().outcome().isEmpty()) {
                try (PausedMachine paused = guest.machine().pause()) {
                    pauses++;
                    assertThat(paused.devices()).containsKeys("00:01.0 virtio-blk", "00:01.0 virtio-blk device", "PCI");
                    paused.devices().values().forEach(device -> assertThat(device.save()).isNotNull());
                }
                Thread.sleep(50);
            }
            guest.awaitEnd(0);
            assertThat(pauses).isGreaterThan(3);
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
