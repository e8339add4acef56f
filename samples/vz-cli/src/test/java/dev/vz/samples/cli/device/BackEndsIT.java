package dev.vz.samples.cli.device;

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
import dev.vz.testing.Peers;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.vhost.VhostUserServer;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest of ours whose devices are other processes' work, behind vhost-user: disks of vz and of qemu-storage-daemon, a folder
 * of virtiofsd, a network. The disk of vz loses its process while the guest writes, and gets another.
 */
@Tag("guest")
@Timeout(600)
class BackEndsIT {

    private static final long DISK = 32L << 20;
    private static final int SENT = 1_000_000;
    private static final String SCRIPT = """
            set -e; trap 'echo failed after: $done' EXIT; ok() { done="$*"; }
            for d in vda vdb; do
                device=$(basename $(readlink -f /sys/block/$d/device))
                echo $d size $(cat /sys/block/$d/size) queues $(ls /sys/block/$d/mq | wc -l)
                mke2fs -F /dev/$d >/dev/null; mkdir -p /mnt/$d; mount -t ext4 /dev/$d /mnt/$d; ok file system on $d
                dd if=/dev/urandom of=/mnt/$d/one bs=64k count=32 2>/dev/null
                dd if=/mnt/$d/one of=/mnt/$d/two bs=3k conv=fsync 2>/dev/null; ok write and flush
                sum=$(sha256sum </mnt/$d/one); umount /mnt/$d
                echo $device >/sys/bus/virtio/drivers/virtio_blk/unbind; [ ! -e /dev/$d ]; ok unbind
                echo $device >/sys/bus/virtio/drivers/virtio_blk/bind; [ -b /dev/$d ]; ok bind
                mount -t ext4 /dev/$d /mnt/$d; [ "$(sha256sum </mnt/$d/two)" = "$sum" ]; umount /mnt/$d; ok sums
            done
            [ "$(cat /mnt/kit/from-host)" = 'from the host' ]; echo 'from the guest' >/mnt/kit/from-guest; ok folder
            ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2; ok address
            # An input without end: busybox's nc may hang up when its own has ended.
            mkfifo /tmp/endless; exec 3<>/tmp/endless; head -c %d /dev/zero >/tmp/endless &
            nc 10.0.2.4 %d <&3 >/tmp/got; [ "$(cat /tmp/got)" = %d ]; ok connection
            dd if=/dev/urandom of=/tmp/data bs=1M count=16 2>/dev/null; sum=$(sha256sum </tmp/data); ok data
            echo writing
            until [ -e /mnt/kit/replaced ]; do
                dd if=/tmp/data of=/dev/vda bs=128k oflag=direct 2>/dev/null; ok a write
                echo wrote
            done
            dd if=/tmp/data of=/dev/vda bs=128k oflag=direct 2>/dev/null; ok last write
            echo 3 >/proc/sys/vm/drop_caches
            [ "$(dd if=/dev/vda bs=1M count=16 2>/dev/null | sha256sum)" = "$sum" ]; ok read
            trap - EXIT""";

    @TempDir
    Path folder;
    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void end() throws InterruptedException {
        for (Process process : processes) {
            process.destroyForcibly().waitFor();
        }
    }

    private Path image(String name) throws Exception {
        Path image = folder.resolve(name);
        try (var bytes = new RandomAccessFile(image.toFile(), "rw")) {
            bytes.setLength(DISK);
        }
        return image;
    }

    /** Starts a program that listens at {@code socket}, and waits until it does. */
    private Process listening(Path socket, List<String> command) throws Exception {
        // One that was killed has left its socket behind.
        Files.deleteIfExists(socket);
        Path log = folder.resolve(socket.getFileName() + ".log");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        processes.add(process);
        Listeners.await(process, socket, log);
        return process;
    }

    private Process vz(Path socket, Path image) throws Exception {
        String classes = Stream.of("jdk.module.path", "java.class.path").map(System::getProperty)
                .filter(Objects::nonNull).collect(Collectors.joining(File.pathSeparator));
        return listening(socket, List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-Xmx256m", "-XX:+UseSerialGC", "-cp", classes,
                Vz.class.getName(), "vhost-user", "blk", "--socket", socket.toString(), "--disk", "file=" + image));
    }

    /** Counts what it hears, says how much that was, and hangs up. */
    private static int count(ServerSocket listener) {
        try (Socket connection = listener.accept()) {
            int heard = 0;
            while (heard < SENT) {
                int more = connection.getInputStream().read(new byte[1 << 16]);
                assertThat(more).as("bytes behind the first %d", heard).isPositive();
                heard += more;
            }
            connection.getOutputStream().write((heard + "\n").getBytes(StandardCharsets.US_ASCII));
            return heard;
        } catch (IOException failure) {
            throw new AssertionError(failure);
        }
    }

    @Test
    void aGuestWorksWithDevicesOfOtherProcessesAndNoticesNothingWhenOneIsReplaced() throws Exception {
        Peers.root();
        String storageDaemon = Peers.program("qemu-storage-daemon", "qemu-system-common").toString();
        String folderDaemon = Peers.program("virtiofsd", "qemu-system-common").toString();
        Path image = image("vda");
        Path ours = folder.resolve("ours");
        Path theirs = folder.resolve("theirs");
        Path files = folder.resolve("files");
        Path net = folder.resolve("net");
        Path shared = Files.createDirectory(folder.resolve("shared"));
        Files.writeString(shared.resolve("from-host"), "from the host\n");
        Process first = vz(ours, image);
        listening(theirs, List.of(storageDaemon, "--blockdev", "driver=file,node-name=d,filename=" + image("vdb"),
                "--export", "type=vhost-user-blk,id=e,node-name=d,writable=on,num-queues=2,addr.type=unix,addr.path="
                        + theirs));
        listening(files, List.of(folderDaemon, "--socket-path=" + files, "-o", "source=" + shared, "-o",
                "sandbox=chroot"));
        GuestDevices devices = GuestDevices.NONE
                .withDisks(List.of(DiskOption.parse("vhost-user=" + ours),
                        DiskOption.parse("vhost-user=" + theirs + ",queues=2,transport=mmio")))
                .withShares(List.of(ShareOption.parse("kit,vhost-user=" + files)))
                .withNets(List.of(NetOption.parse("vhost-user=" + net)));
        try (var loop = new EpollLoop("gateway");
                var cable = new LinkPair("cable", LinkFeatures.all());
                var gateway = new Gateway(loop, cable.b(),
                        GatewayConfiguration.standard().withHostLoopback(IpPrefix.parse("10.0.2.4")));
                var listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var network = VhostUserServer.serve(NetworkCard.dataPath(cable.a(), 1), UnixAddress.of(net),
                        VhostUserServer.Options.standard())) {
            loop.start();
            listener.setSoTimeout((int) KitGuest.LIMIT.toMillis());
            CompletableFuture<Integer> heard = Background.call(() -> count(listener));
            try (KitGuest guest = KitGuest.start(2, devices,
                    SCRIPT.formatted(SENT, listener.getLocalPort(), SENT))) {
                guest.await("writing");
                assertThat(guest.output()).contains("vda size " + DISK / 512 + " queues 1\n",
                        "vdb size " + DISK / 512 + " queues 2\n");
                assertThat(heard.get(2, TimeUnit.MINUTES)).isEqualTo(SENT);
                guest.await("wrote");
                first.destroyForcibly().waitFor();
                vz(ours, image);
                Files.createFile(shared.resolve("replaced"));
                guest.awaitEnd(0);
            }
            assertThat(shared.resolve("from-guest")).hasContent("from the guest\n");
            assertThat(List.of(gateway.toString(), network.toString())).doesNotContain("");
        }
    }
}
