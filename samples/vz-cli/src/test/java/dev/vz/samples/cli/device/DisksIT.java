package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.storage.file.CacheMode;
import dev.vz.storage.file.HostFile;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.qcow2.Qcow2Format;
import dev.vz.storage.qcow2.Qcow2Options;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Disks and randomness as Linux's own drivers use them: virtio_blk and virtio_rng. */
@Tag("guest")
@Timeout(400)
class DisksIT {

    private static final long MIB = 1 << 20;

    /** Fails the guest's script at the first command that fails, and says which. */
    private static final String STRICT = "set -e; trap 'echo failed after: $done' EXIT; ok() { done=\"$*\"; }\n";
    private static final String END = "\ntrap - EXIT";

    @TempDir
    Path folder;

    private Path raw(String name, long bytes) throws IOException {
        Path file = folder.resolve(name);
        try (var disk = new RandomAccessFile(file.toFile(), "rw")) {
            disk.setLength(bytes);
        }
        return file;
    }

    private String run(List<DiskOption> disks, String script) throws InterruptedException {
        try (KitGuest guest = KitGuest.start(1, GuestDevices.NONE.withDisks(disks), STRICT + script + END)) {
            guest.awaitEnd(0);
            return guest.output();
        }
    }

    @ParameterizedTest(name = "over {0}, packed rings {1}")
    @CsvSource({"pci,on", "pci,off", "mmio,on", "mmio,off"})
    void a_file_system_keeps_what_is_written_through_flushes_discards_and_resets(String transport, String packed)
            throws Exception {
        Path disk = raw("disk", 64 * MIB);
        String output = run(List.of(DiskOption.parse(disk + ",serial=vz-test,transport=" + transport + ",packed="
                + packed)), """
                        device=$(basename $(readlink -f /sys/block/vda/device))
                        [ "$(basename $(readlink -f /sys/bus/virtio/devices/$device/driver))" = virtio_blk ]; ok driver
                        echo serial $(cat /sys/block/vda/serial) ring $(cut -c 35 /sys/bus/virtio/devices/$device/features)
                        mke2fs -F /dev/vda >/dev/null; mkdir -p /mnt; mount -t ext4 /dev/vda /mnt; ok file system
                        dd if=/dev/urandom of=/mnt/one bs=64k count=96 2>/dev/null
                        dd if=/mnt/one of=/mnt/two bs=3k conv=fsync 2>/dev/null; ok write and flush
                        sha256sum /mnt/one | cut -d' ' -f1 >/tmp/sum
                        umount /mnt; echo $device >/sys/bus/virtio/drivers/virtio_blk/unbind; [ ! -e /dev/vda ]; ok unbind
                        echo $device >/sys/bus/virtio/drivers/virtio_blk/bind; [ -b /dev/vda ]; ok bind
                        mount -t ext4 /dev/vda /mnt
                        for f in one two; do [ "$(sha256sum /mnt/$f | cut -d' ' -f1)" = "$(cat /tmp/sum)" ]; done; ok sums
                        rm /mnt/one; fstrim /mnt; [ "$(sha256sum /mnt/two | cut -d' ' -f1)" = "$(cat /tmp/sum)" ]; ok trim
                        umount /mnt; blkdiscard /dev/vda; ok discard
                        printf 'from the guest' | dd of=/dev/vda bs=512 seek=2048 conv=fsync 2>/dev/null; ok last write
                        """);
        assertThat(output).contains("serial vz-test ring " + (packed.equals("on") ? 1 : 0) + "\n");
        try (var file = new RandomAccessFile(disk.toFile(), "r")) {
            var bytes = new byte[14];
            file.seek(MIB);
            file.readFully(bytes);
            assertThat(new String(bytes, StandardCharsets.US_ASCII)).isEqualTo("from the guest");
        }
    }

    @Test
    void a_qcow2_image_beside_a_disk_that_can_only_be_read_and_one_with_two_queues() throws Exception {
        Path image = folder.resolve("image.qcow2");
        Files.createFile(image);
        try (HostFile file = HostFile.open(image, false, CacheMode.WRITEBACK)) {
            Qcow2Format.create(file, Qcow2Options.ofSize(64 * MIB));
        }
        Path constant = raw("constant", MIB);
        List<DiskOption> disks = List.of(
                new DiskOption(new DiskOption.Image(image, ImageFormat.QCOW2, false, "", CacheMode.WRITETHROUGH), 1,
                        VirtioTransport.PCI, true),
                DiskOption.parse(constant + ",readonly=on"), DiskOption.parse(raw("wide", MIB) + ",queues=2"));
        String output = run(disks, """
                [ $(cat /sys/block/vdb/ro) = 1 ]; ! dd if=/dev/zero of=/dev/vdb count=1 2>/dev/null; ok read-only
                mke2fs -F /dev/vda >/dev/null; mkdir -p /mnt; mount -t ext4 /dev/vda /mnt; ok file system
                dd if=/dev/urandom of=/mnt/one bs=64k count=64 2>/dev/null; sum=$(sha256sum /mnt/one)
                umount /mnt; mount -t ext4 /dev/vda /mnt; [ "$(sha256sum /mnt/one)" = "$sum" ]; umount /mnt; ok qcow2
                dd if=/dev/urandom of=/tmp/r bs=64k count=16 2>/dev/null; dd if=/tmp/r of=/dev/vdc bs=4k conv=fsync 2>/dev/null
                cmp /tmp/r /dev/vdc; ok two queues
                """);
        assertThat(output).doesNotContain("failed");
        assertThat(Files.size(image)).isLessThan(32 * MIB);
        assertThat(Files.readAllBytes(constant)).containsOnly(0);
    }

    @Test
    void the_hosts_randomness_reaches_the_kernel() throws Exception {
        String output = run(List.of(), """
                [ "$(cat /sys/class/misc/hw_random/rng_current)" = virtio_rng.0 ]; ok driver
                head -c 64 /dev/hwrng >/tmp/a; head -c 64 /dev/hwrng >/tmp/b; [ $(wc -c </tmp/b) = 64 ]; ok read
                ! cmp -s /tmp/a /tmp/b; ok different
                d=$(ls /sys/bus/virtio/drivers/virtio_rng | grep virtio); cd /sys/bus/virtio/drivers/virtio_rng
                echo $d >unbind; echo $d >bind; head -c 64 /dev/hwrng | wc -c
                """);
        assertThat(output).contains("64\n");
    }
}
