package dev.vz.samples.cli.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What joins a guest to its host, as Linux's own drivers use it: virtiofs, vmw_vsock_virtio_transport, and virtio_net on a
 * network of the guest's own. All of it in one guest, since a boot takes longer than any of them.
 */
@Tag("guest")
@Timeout(400)
class HostConnectionsIT {

    private static final int PORT = 1024;
    private static final int GUEST_PORT = 77;

    @TempDir
    Path folder;

    private static String sum(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** A program for the guest, which has nothing but busybox. */
    private static void compile(Path target) throws Exception {
        Path gcc = Peers.program("gcc", "gcc");
        Path source = target.resolveSibling("vsock.c");
        try (InputStream text = Objects.requireNonNull(HostConnectionsIT.class.getResourceAsStream("vsock.c"))) {
            Files.copy(text, source);
        }
        Process compiler = new ProcessBuilder(gcc.toString(), "-O1", "-static", "-Wall", "-Werror", "-o",
                target.toString(), source.toString()).inheritIO().start();
        assertThat(compiler.waitFor()).isZero();
        Files.delete(source);
    }

    @ParameterizedTest(name = "over {0}, packed rings {1}")
    @CsvSource({"pci,on", "mmio,off"})
    void folders_sockets_and_a_network_carry_data_both_ways(String transport, String packed) throws Exception {
        Path work = Files.createDirectory(folder.resolve("work"));
        Path fixed = Files.createDirectory(folder.resolve("fixed"));
        compile(work.resolve("vsock"));
        var given = new byte[3_000_001];
        new Random(11).nextBytes(given);
        Files.write(work.resolve("given"), given);
        Files.writeString(fixed.resolve("constant"), "constant\n");
        String how = ",transport=" + transport + ",packed=" + packed;
        Path bridge = folder.resolve("s");
        try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var acceptor = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.setSoTimeout((int) KitGuest.LIMIT.toMillis());
            acceptor.bind(UnixDomainSocketAddress.of(bridge + "_" + PORT));
            GuestDevices devices = new GuestDevices(List.of(),
                    List.of(NetOption.parse("user,loopback=10.0.2.4" + how)),
                    List.of(ShareOption.parse("both=" + work + how),
                            ShareOption.parse("fixed=" + fixed + ",readonly=on" + how)),
                    VsockOption.parse(bridge + ",cid=42,forward=" + PORT + how));
            CompletableFuture<byte[]> overNet = later(() -> {
                try (var connection = server.accept()) {
                    return connection.getInputStream().readAllBytes();
                }
            });
            CompletableFuture<byte[]> overVsock = later(() -> {
                try (SocketChannel connection = acceptor.accept()) {
                    byte[] sent = Channels.newInputStream(connection).readAllBytes();
                    connection.write(ByteBuffer.wrap(sum(sent).getBytes(StandardCharsets.US_ASCII)));
                    return sent;
                }
            });
            try (KitGuest guest = KitGuest.start(2, devices, script(server.getLocalPort()))) {
                guest.await("listening");
                assertThat(askGuest(bridge, given)).isEqualTo(sum(given) + "  -\n");
                guest.awaitEnd(0);
                assertThat(guest.output()).contains("rings " + (packed.equals("on") ? "1 1 1 1 \n" : "0 0 0 0 \n"))
                        .contains("inet 10.0.2.15\n").contains("given " + sum(given) + "\n")
                        .contains("over net " + sum(overNet.get(1, TimeUnit.MINUTES)) + "\n")
                        .contains("over vsock " + sum(overVsock.get(1, TimeUnit.MINUTES)) + "\n");
                byte[] made = Files.readAllBytes(work.resolve("new/made"));
                assertThat(made).hasSize(4 << 20);
                assertThat(guest.output()).contains("made " + sum(made) + "\n");
                assertThat(work.resolve("given")).doesNotExist();
                assertThat(Files.readString(fixed.resolve("constant"))).isEqualTo("constant\n");
                assertThat(Files.list(fixed)).hasSize(1);
            }
        }
    }

    private static String script(int port) {
        return """
                set -e; trap 'echo failed after: $done' EXIT; ok() { done="$*"; }
                rings=; for d in /sys/bus/virtio/devices/*; do
                    [ "$(basename $(readlink $d/driver))" = virtio_rng ] || rings="$rings$(cut -c 35 $d/features) "
                done; echo "rings $rings"; ok drivers
                echo "given $(sha256sum </mnt/both/given)" | cut -d' ' -f1,2
                mkdir /mnt/both/new; dd if=/dev/urandom of=/mnt/both/new/m bs=3k count=1365 2>/dev/null
                dd if=/dev/urandom bs=1k count=1 2>/dev/null >>/mnt/both/new/m; mv /mnt/both/new/m /mnt/both/new/made
                echo "made $(sha256sum </mnt/both/new/made)" | cut -d' ' -f1,2; ok written
                cp /mnt/both/given /tmp/given; rm /mnt/both/given; [ ! -e /mnt/both/given ]
                [ "$(ls /mnt/both | tr '\\n' ' ')" = 'new vsock ' ]; ok names
                [ "$(cat /mnt/fixed/constant)" = constant ]
                ! echo x 2>/dev/null >/mnt/fixed/constant; ! mkdir /mnt/fixed/d 2>/dev/null; ok read-only

                ip addr show dev eth0 | grep -o 'inet 10.0.2.[0-9]*'; ip route | grep -q 'default via 10.0.2.2'; ok address
                echo "over net $(sha256sum </mnt/both/new/made)" | cut -d' ' -f1-3
                nc 10.0.2.4 %d </mnt/both/new/made; ok network

                cp /mnt/both/vsock /tmp; ! /tmp/vsock connect 2 9 </dev/null 2>/dev/null; ok refused
                rebind() {
                    for d in /sys/bus/virtio/drivers/$1/virtio*; do
                        echo $(basename $d) >/sys/bus/virtio/drivers/$1/unbind
                        echo $(basename $d) >/sys/bus/virtio/drivers/$1/bind
                    done; ok bound $1 again
                }
                umount /mnt/both; umount /mnt/fixed; rebind virtiofs; rebind vmw_vsock_virtio_transport
                mount -t virtiofs both /mnt/both; ok mounted again
                echo "over vsock $(sha256sum </tmp/given)" | cut -d' ' -f1-3
                [ "$(/tmp/vsock connect 2 %d </tmp/given)" = "$(sha256sum </tmp/given | cut -d' ' -f1)" ]; ok to the host
                echo listening; /mnt/both/vsock listen %d sha256sum; ok from the host
                trap - EXIT
                """.formatted(port, PORT, GUEST_PORT);
    }

    /** Sends {@code bytes} to the guest's port and ends the stream; the answer. */
    private static String askGuest(Path bridge, byte[] bytes) throws Exception {
        long deadline = System.nanoTime() + KitGuest.LIMIT.toNanos();
        while (true) {
            try (SocketChannel socket = SocketChannel.open(UnixDomainSocketAddress.of(bridge))) {
                socket.write(ByteBuffer.wrap(("CONNECT " + GUEST_PORT + "\n").getBytes(StandardCharsets.US_ASCII)));
                InputStream answers = Channels.newInputStream(socket);
                var line = new StringBuilder();
                for (int next = answers.read(); next >= 0 && next != '\n'; next = answers.read()) {
                    line.append((char) next);
                }
                if (line.isEmpty()) {
                    // It says that it will listen just before it does.
                    assertThat(System.nanoTime()).as("the guest listens").isLessThan(deadline);
                    Thread.sleep(50);
                    continue;
                }
                assertThat(line.toString()).matches("OK \\d+");
                ByteBuffer rest = ByteBuffer.wrap(bytes);
                while (rest.hasRemaining()) {
                    socket.write(rest);
                }
                socket.shutdownOutput();
                return new String(answers.readAllBytes(), StandardCharsets.US_ASCII);
            }
        }
    }

    @FunctionalInterface
    private interface Call {
        byte[] get() throws Exception;
    }

    private static CompletableFuture<byte[]> later(Call call) {
        var result = new CompletableFuture<byte[]>();
        Thread.ofVirtual().start(() -> {
            try {
                result.complete(call.get());
            } catch (Exception failure) {
                result.completeExceptionally(failure);
            }
        });
        return result;
    }
}
