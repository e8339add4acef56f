package dev.vz.samples.cli.device;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.display.Screen.Rectangle;
import dev.vz.machine.virtio.VirtioSlots;
import dev.vz.virtio.balloon.BalloonDevice;
import dev.vz.virtio.console.ConsoleDevice;
import dev.vz.virtio.gpu.GpuDevice;
import dev.vz.virtio.input.InputDevice;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Debian's kernel for all machines, with every device at once, among them the graphics card that the other has no driver for. */
@Tag("guest")
@Timeout(600)
class StandardKernelIT {

    private static final int WIDTH = 1024;
    private static final int HEIGHT = 768;
    /** One of Linux's console colours. */
    private static final int RED = 0xAA0000;
    private static final int CELL = 8 * 16;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void a_shell_runs_on_every_processor(int processors) throws Exception {
        try (KitGuest guest = KitGuest.startStandard(processors, """
                n=$(grep -c ^processor /proc/cpuinfo); i=0
                while [ $i -lt $n ]; do
                    taskset $(printf %x $((1 << i))) sh -c 'set -- $(cat /proc/self/stat); shift 38; echo "on $1"'
                    i=$((i + 1))
                done
                """)) {
            guest.awaitEnd(0);
            String all = IntStream.range(0, processors).mapToObj(i -> "on " + i + "\n").collect(joining());
            assertThat(guest.output()).contains(all);
        }
    }

    @Test
    void every_device_is_driven_and_the_console_is_drawn_by_the_graphics_card() throws Exception {
        Path disk = folder.resolve("disk");
        try (var file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(32 << 20);
        }
        Path shared = Files.createDirectory(folder.resolve("shared"));
        Files.writeString(shared.resolve("word"), "from the host\n");
        GuestDevices devices = new GuestDevices(List.of(DiskOption.parse(disk.toString())),
                List.of(NetOption.parse("user")), List.of(ShareOption.parse("s=" + shared)),
                VsockOption.parse(folder.resolve("v").toString()));
        var picture = new PngPicture();
        // What this kernel has as modules; others have it built in.
        Set<String> modules = Set.of("af_packet", "crc32c_generic", "ext4", "virtio_mmio", "virtio-gpu", "virtio_input",
                "virtio_console",
                "virtio_balloon");
        try (KitGuest guest = KitGuest.startStandard(devices, modules, machine -> {
            VirtioSlots.overPci(machine, new GpuDevice(machine.memory(), picture, WIDTH, HEIGHT));
            // Over PCI these are seen elsewhere.
            VirtioSlots.overMmio(machine, InputDevice.keyboard());
            VirtioSlots.overMmio(machine, new ConsoleDevice());
            VirtioSlots.overMmio(machine, new BalloonDevice(machine.memory()));
        }, """
                for d in /sys/bus/virtio/devices/*; do basename $(readlink $d/driver); done | sort | tr '\\n' ' '; echo
                grep -q virtio_gpu /proc/fb || exit 1
                printf '\\033[?25l\\033[2J\\033[H\\033[41m          \\033[0m' >/dev/tty1
                mke2fs -F /dev/vda >/dev/null && mkdir -p /mnt/d && mount -t ext4 /dev/vda /mnt/d || exit 2
                dd if=/dev/urandom of=/mnt/d/f bs=64k count=32 2>/dev/null; sum=$(sha256sum </mnt/d/f)
                umount /mnt/d; mount -t ext4 /dev/vda /mnt/d; [ "$(sha256sum </mnt/d/f)" = "$sum" ] || exit 3
                umount /mnt/d; cat /mnt/s/word; ping -c 3 10.0.2.2 >/dev/null || exit 4
                head -c 16 /dev/hwrng | wc -c; echo drawn; sleep 300
                """)) {
            guest.await("drawn");
            assertThat(guest.output()).contains("virtio_balloon virtio_blk virtio_console virtio_gpu virtio_input "
                    + "virtio_net virtio_rng virtiofs vmw_vsock_virtio_transport \n").contains("from the host\n16\n");
            var screen = new Rectangle(0, 0, WIDTH, HEIGHT);
            var cells = new Rectangle(0, 0, 80, 16);
            long deadline = System.nanoTime() + KitGuest.LIMIT.toNanos();
            while (picture.width() != WIDTH || picture.count(cells, RED) < 10 * CELL) {
                assertThat(System.nanoTime()).as("the guest has drawn it").isLessThan(deadline);
                Thread.sleep(50);
            }
            assertThat(picture.count(screen, RED)).isEqualTo(10 * CELL);
        }
    }
}
