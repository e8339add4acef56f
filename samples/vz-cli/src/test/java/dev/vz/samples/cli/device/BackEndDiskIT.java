package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A guest of ours whose disk is another process's work: qemu-storage-daemon behind vhost-user. */
@Tag("guest")
@Timeout(400)
class BackEndDiskIT {

    private static final long DISK = 64L << 20;

    @TempDir
    Path folder;

    private Process storageDaemon(Path image, Path socket) throws Exception {
        Path log = folder.resolve("log");
        Process daemon = new ProcessBuilder(
                Peers.program("qemu-storage-daemon", "qemu-system-common").toString(), "--blockdev",
                "driver=file,node-name=d,filename=" + image, "--export",
                "type=vhost-user-blk,id=e,node-name=d,writable=on,num-queues=2,addr.type=unix,addr.path=" + socket)
                .redirectErrorStream(true).redirectOutput(log.toFile()).start();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!Files.exists(socket) && daemon.isAlive() && System.nanoTime() < end) {
            Thread.sleep(10);
        }
        assertThat(socket).as("it says: %s", Files.readString(log)).exists();
        return daemon;
    }

    @Test
    void aGuestKeepsAFileSystemOnADiskOfQemusStorageDaemon() throws Exception {
        Path image = folder.resolve("image");
        try (var bytes = new RandomAccessFile(image.toFile(), "rw")) {
            bytes.setLength(DISK);
        }
        Path socket = folder.resolve("socket");
        Process daemon = storageDaemon(image, socket);
        DiskOption disk = DiskOption.parse("vhost-user=" + socket + ",queues=2");
        try (KitGuest guest = KitGuest.start(2, GuestDevices.NONE.withDisks(List.of(disk)), """
                set -e; trap 'echo failed after: $done' EXIT; ok() { done="$*"; }
                device=$(basename $(readlink -f /sys/block/vda/device))
                echo size $(cat /sys/block/vda/size) queues $(ls /sys/block/vda/mq | wc -l)
                mke2fs -F /dev/vda >/dev/null; mkdir -p /mnt; mount -t ext4 /dev/vda /mnt; ok file system
                dd if=/dev/urandom of=/mnt/one bs=64k count=64 2>/dev/null
                dd if=/mnt/one of=/mnt/two bs=3k conv=fsync 2>/dev/null; ok write and flush
                sum=$(sha256sum </mnt/one); umount /mnt
                echo $device >/sys/bus/virtio/drivers/virtio_blk/unbind; [ ! -e /dev/vda ]; ok unbind
                echo $device >/sys/bus/virtio/drivers/virtio_blk/bind; [ -b /dev/vda ]; ok bind
                mount -t ext4 /dev/vda /mnt; [ "$(sha256sum </mnt/two)" = "$sum" ]; umount /mnt; ok sums
                printf 'from the guest' | dd of=/dev/vda bs=512 seek=2048 conv=fsync 2>/dev/null; ok last write
                trap - EXIT""")) {
            guest.awaitEnd(0);
            assertThat(guest.output()).contains("size " + DISK / 512 + " queues 2\n");
        } finally {
            daemon.destroy();
            assertThat(daemon.waitFor(30, TimeUnit.SECONDS)).isTrue();
        }
        try (var bytes = new RandomAccessFile(image.toFile(), "r")) {
            var written = new byte[14];
            bytes.seek(1 << 20);
            bytes.readFully(written);
            assertThat(new String(written, StandardCharsets.US_ASCII)).isEqualTo("from the guest");
        }
    }
}
