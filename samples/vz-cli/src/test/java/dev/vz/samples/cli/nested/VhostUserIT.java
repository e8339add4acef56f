package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.net.IpPrefix;
import dev.vz.net.gateway.Gateway;
import dev.vz.net.gateway.GatewayConfiguration;
import dev.vz.samples.cli.Vz;
import dev.vz.testing.Background;
import dev.vz.testing.Listeners;
import dev.vz.samples.cli.kit.DebianGuestKit;
import dev.vz.samples.cli.kit.KernelModules;
import dev.vz.samples.cli.kit.KitInitramfs;
import dev.vz.storage.DiskImage;
import dev.vz.storage.IoEngine;
import dev.vz.storage.OpenOptions;
import dev.vz.storage.image.ImageFormat;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.fs.FileSystemDevice;
import dev.vz.virtio.fs.SharedFolder;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.vhost.VhostUserServer;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Another virtual machine monitor with devices of ours: QEMU's vhost-user-blk-pci, vhost-user-fs-pci and its netdev
 * vhost-user are the front ends, Debian's unmodified kernel in its emulation is the driver.
 */
@Tag("guest")
class VhostUserIT {

    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final String STRICT = "set -e; trap 'echo failed after: $done' EXIT; ok() { done=\"$*\"; }\n";
    private static final String END = "\ntrap - EXIT; echo all done";
    private static final int MEMORY = 256;
    private static final long DISK = 64L << 20;
    private static final long REPLACED = 48L << 20;

    private static DebianGuestKit kit;

    @TempDir
    Path folder;
    private final List<String> options = new ArrayList<>(List.of("-object",
            "memory-backend-memfd,id=memory,share=on,size=" + MEMORY + "M", "-machine", "memory-backend=memory"));

    @BeforeAll
    static void fetch() {
        kit = TestKit.fetched();
    }

    private Path disk() throws IOException {
        Path file = folder.resolve("disk");
        try (var bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.setLength(DISK);
        }
        return file;
    }

    private VhostUserServer serveDisk(Path file, int queues) {
        OpenOptions inline = OpenOptions.DEFAULT.withEngine(IoEngine.inline());
        return VhostUserServer.serve(
                new BlockFrontend(DiskImage.open(file, ImageFormat.ofLabel("raw"), inline), "vz-served", queues),
                UnixAddress.of(folder.resolve("blk")), VhostUserServer.Options.standard());
    }

    private void disk(String more) {
        options.addAll(List.of("-chardev", "socket,id=blk,path=" + folder.resolve("blk") + ",reconnect=1", "-device",
                "vhost-user-blk-pci,chardev=blk" + more));
    }

    private String run(String script) throws Exception {
        var initramfs = new KitInitramfs(kit.busybox(), KitInitramfs.Terminal.UNKNOWN,
                new KitInitramfs.Exec(STRICT + script + END, "marker"), new KernelModules(kit.modules())
                        .inOrder(Set.of("virtio_pci", "virtio_blk", "virtio_net", "virtiofs", "ext4")));
        Path initrd = Files.write(folder.resolve("initrd"), initramfs.archive());
        Qemu.Result result = new Qemu(kit.kernel(), initrd,
                "console=ttyS0 quiet panic=-1 " + KitInitramfs.COMMAND_LINE, MEMORY, 2).run(folder, LIMIT,
                        options.toArray(String[]::new));
        String output = new String(result.data(), StandardCharsets.UTF_8);
        assertThat(output).as("what the guest says; its console: %s", result.console())
                .endsWith("all done\n\0marker 0\n");
        return output;
    }

    @ParameterizedTest(name = "packed={0}")
    @ValueSource(strings = {"off", "on"})
    void aDiskKeepsAFileSystemThroughFlushesDiscardsAndRebinding(String packed) throws Exception {
        Path file = disk();
        disk(",num-queues=2,packed=" + packed);
        try (var server = serveDisk(file, 2)) {
            String output = run("""
                    device=$(basename $(readlink -f /sys/block/vda/device))
                    echo serial $(cat /sys/block/vda/serial) ring $(cut -c 35 /sys/bus/virtio/devices/$device/features)
                    echo queues $(ls /sys/block/vda/mq | wc -l)
                    mke2fs -F /dev/vda >/dev/null; mkdir -p /mnt; mount -t ext4 /dev/vda /mnt; ok file system
                    dd if=/dev/urandom of=/mnt/one bs=64k count=64 2>/dev/null
                    dd if=/mnt/one of=/mnt/two bs=3k conv=fsync 2>/dev/null; ok write and flush
                    sum=$(sha256sum </mnt/one); umount /mnt
                    echo $device >/sys/bus/virtio/drivers/virtio_blk/unbind; [ ! -e /dev/vda ]; ok unbind
                    echo $device >/sys/bus/virtio/drivers/virtio_blk/bind; [ -b /dev/vda ]; ok bind
                    mount -t ext4 /dev/vda /mnt
                    for f in one two; do [ "$(sha256sum </mnt/$f)" = "$sum" ]; done; ok sums
                    rm /mnt/one; fstrim /mnt; [ "$(sha256sum </mnt/two)" = "$sum" ]; umount /mnt; ok trim
                    blkdiscard /dev/vda; ok discard
                    printf 'from the guest' | dd of=/dev/vda bs=512 seek=2048 conv=fsync 2>/dev/null; ok last write
                    """);
            assertThat(output).contains("serial vz-served ring " + (packed.equals("on") ? 1 : 0) + "\nqueues 2\n");
            assertThat(server.toString()).contains("virtio-blk");
        }
        try (var bytes = new RandomAccessFile(file.toFile(), "r")) {
            var written = new byte[14];
            bytes.seek(1 << 20);
            bytes.readFully(written);
            assertThat(new String(written, StandardCharsets.US_ASCII)).isEqualTo("from the guest");
        }
    }

    @Test
    void aFolderIsMountedAndWrittenFromBothSides() throws Exception {
        Path share = Files.createDirectory(folder.resolve("share"));
        var content = new byte[3_000_001];
        new Random(4).nextBytes(content);
        Files.write(share.resolve("from-host"), content);
        Files.createDirectory(share.resolve("deep"));
        Files.writeString(share.resolve("deep/note"), "hello, guest\n");
        options.addAll(List.of("-chardev", "socket,id=fs,path=" + folder.resolve("fs"), "-device",
                "vhost-user-fs-pci,chardev=fs,tag=kit,queue-size=256"));
        try (var server = VhostUserServer.serve(new FileSystemDevice("kit", SharedFolder.of(share, false)),
                UnixAddress.of(folder.resolve("fs")), VhostUserServer.Options.standard())) {
            String output = run("""
                    mkdir -p /mnt; mount -t virtiofs kit /mnt; ok mount
                    echo sum $(sha256sum </mnt/from-host); cat /mnt/deep/note; ok read
                    dd if=/dev/urandom of=/mnt/from-guest bs=100k count=20 2>/dev/null; ok write
                    echo made $(sha256sum </mnt/from-guest)
                    mkdir /mnt/deep/er; mv /mnt/deep/note /mnt/deep/er/; ln -s note /mnt/deep/er/link; ok names
                    cat /mnt/deep/er/link >/dev/null; rm /mnt/from-host; chmod 640 /mnt/from-guest; ok change
                    for i in $(seq 300); do echo $i >/mnt/deep/$i; done; [ $(ls /mnt/deep | wc -l) = 301 ]; ok many
                    umount /mnt; mount -t virtiofs kit /mnt; [ $(ls /mnt/deep | wc -l) = 301 ]; ok again
                    """);
            byte[] made = Files.readAllBytes(share.resolve("from-guest"));
            assertThat(output).contains("sum " + sum(content), "made " + sum(made), "hello, guest\n");
            assertThat(made).hasSize(2_048_000);
            assertThat(share.resolve("deep/er/link")).isSymbolicLink();
            assertThat(share.resolve("deep/er/note")).hasContent("hello, guest");
            assertThat(share.resolve("from-host")).doesNotExist();
            assertThat(server.toString()).contains("virtio-fs");
        }
    }

    @Test
    void aNetworkCardCarriesAConnectionBothWays() throws Exception {
        // Without MSI-X: QEMU 7.2 asks KVM to forward a card's messages even where there is no KVM, and dies of that.
        options.addAll(List.of("-chardev", "socket,id=net,path=" + folder.resolve("net"), "-netdev",
                "vhost-user,id=card,chardev=net,queues=1", "-device",
                "virtio-net-pci,netdev=card,packed=on,vectors=0"));
        var content = new byte[3_000_001];
        new Random(5).nextBytes(content);
        try (var loop = new EpollLoop("gateway");
                var cable = new LinkPair("cable", LinkFeatures.all());
                var gateway = new Gateway(loop, cable.b(),
                        GatewayConfiguration.standard().withHostLoopback(IpPrefix.parse("10.0.2.4")));
                var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var server = VhostUserServer.serve(NetworkCard.dataPath(cable.a(), 1),
                        UnixAddress.of(folder.resolve("net")), VhostUserServer.Options.standard())) {
            loop.start();
            listener.setSoTimeout((int) LIMIT.toMillis());
            CompletableFuture<byte[]> heard = Background.call(() -> talk(listener, content));
            String output = run("""
                    device=$(basename $(readlink -f /sys/class/net/eth0/device))
                    echo ring $(cut -c 35 /sys/bus/virtio/devices/$device/features)
                    ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2; ok address
                    dd if=/dev/urandom of=/tmp/data bs=1k count=3000 2>/dev/null; echo made $(sha256sum </tmp/data)
                    # An input without end: busybox's nc may hang up when its own has ended.
                    mkfifo /tmp/endless; exec 3<>/tmp/endless; cat /tmp/data >/tmp/endless &
                    nc 10.0.2.4 %d <&3 >/tmp/got; echo sum $(sha256sum </tmp/got); ok connection
                    """.formatted(listener.getLocalPort()));
            assertThat(output).contains("ring 1\n", "sum " + sum(content),
                    "made " + sum(heard.get(1, TimeUnit.MINUTES)));
            assertThat(gateway.toString()).isNotEmpty();
            assertThat(server.toString()).contains("virtio-net");
        }
    }

    /** Says {@code content} to whoever connects, and returns the 3000 KiB that it hears meanwhile. */
    private static byte[] talk(ServerSocket listener, byte[] content) {
        try (var connection = listener.accept()) {
            CompletableFuture<Void> saying = Background.run(() -> connection.getOutputStream().write(content));
            byte[] heard = connection.getInputStream().readNBytes(3000 << 10);
            saying.join();
            return heard;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static String sum(byte[] content) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    }

    /** {@code vz vhost-user blk} as a process of its own, which can be killed. */
    private Process back(Path file) throws IOException, InterruptedException {
        Path socket = folder.resolve("blk");
        // One that was killed has left its socket behind.
        Files.deleteIfExists(socket);
        String classes = Stream.of("jdk.module.path", "java.class.path").map(System::getProperty)
                .filter(Objects::nonNull).collect(Collectors.joining(File.pathSeparator));
        Path log = folder.resolve("back-end");
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-Xmx256m", "-XX:+UseSerialGC", "-cp", classes,
                Vz.class.getName(),
                "vhost-user", "blk", "--socket", socket.toString(), "--disk", "file=" + file)
                .redirectErrorStream(true).redirectOutput(log.toFile()).start();
        Listeners.await(process, socket, log);
        return process;
    }

    @ParameterizedTest(name = "packed={0}, {1}")
    @CsvSource({"off,ends", "on,is killed"})
    void aGuestGoesOnWhenItsBackEndIsReplacedWhileItWrites(String packed, String how) throws Exception {
        Path file = disk();
        disk(",num-queues=1,packed=" + packed);
        Process first = back(file);
        CompletableFuture<Process> second = Background.call(() -> {
            awaitData("writing\n");
            Process next = replaced(first, how.equals("is killed"), file);
            // Behind what the guest writes: it goes on until it reads this.
            try (var bytes = new RandomAccessFile(file.toFile(), "rw")) {
                bytes.seek(REPLACED);
                bytes.writeBytes("replaced");
            }
            return next;
        });
        try {
            run("""
                    dd if=/dev/urandom of=/tmp/data bs=1M count=24 2>/dev/null; sum=$(sha256sum </tmp/data); ok data
                    dd if=/tmp/data of=/dev/vda bs=128k oflag=direct 2>/dev/null; ok first write
                    echo writing
                    until [ "$(dd if=/dev/vda bs=1M skip=%d count=1 2>/dev/null | head -c 8)" = replaced ]; do
                        dd if=/tmp/data of=/dev/vda bs=128k oflag=direct 2>/dev/null; ok a write
                        echo 3 >/proc/sys/vm/drop_caches
                    done
                    dd if=/tmp/data of=/dev/vda bs=128k oflag=direct 2>/dev/null; ok last write
                    echo 3 >/proc/sys/vm/drop_caches
                    [ "$(dd if=/dev/vda bs=1M count=24 2>/dev/null | sha256sum)" = "$sum" ]; ok read
                    """.formatted(REPLACED >> 20));
            assertThat(second.get(1, TimeUnit.MINUTES).isAlive()).as("the second back end serves").isTrue();
        } finally {
            first.destroyForcibly();
            second.thenAccept(Process::destroyForcibly);
        }
    }

    private Process replaced(Process first, boolean killed, Path file) {
        try {
            if (killed) {
                first.destroyForcibly();
            } else {
                first.destroy();
            }
            first.waitFor();
            return back(file);
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
    }

    private void awaitData(String text) {
        Path data = folder.resolve("data");
        long end = System.nanoTime() + LIMIT.toNanos();
        try {
            while (System.nanoTime() < end) {
                if (Files.exists(data) && Files.readString(data, StandardCharsets.ISO_8859_1).contains(text)) {
                    return;
                }
                Thread.sleep(20);
            }
        } catch (IOException | InterruptedException failure) {
            throw new AssertionError(failure);
        }
        throw new AssertionError("the guest does not say: " + text);
    }
}
