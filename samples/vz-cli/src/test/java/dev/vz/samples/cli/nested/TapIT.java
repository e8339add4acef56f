package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.network.NetworkNamespace;
import dev.vz.testing.Background;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code vz boot --net tap=…} in a network namespace of the test's own: the guest's card is one end of a wire, the
 * namespace's interface the other. What goes over it has checksums and segments that the two kernels leave to each other.
 */
@Tag("guest")
@Timeout(300)
class TapIT {

    private static final String HERE = "10.9.0.1";
    private static final String GUEST = "10.9.0.2";
    private static final int FROM_GUEST = 5000;
    private static final int TO_GUEST = 5001;
    private static final int BYTES = 8 << 20;
    private static final int PATIENCE = 150_000;

    private static final String SCRIPT = """
            ip addr add %2$s/24 dev eth0 && ip link set eth0 up || exit 1
            ping -c 3 -s 1400 %1$s >/dev/null || exit 2
            # An input without end: busybox's nc hangs up when its own has ended.
            mkfifo /tmp/endless; exec 3<>/tmp/endless
            dd if=/dev/urandom of=/tmp/f bs=64k count=128 2>/dev/null
            echo gave $(sha256sum </tmp/f)
            nc %1$s %3$d </tmp/f || exit 3
            nc %1$s %4$d <&3 >/tmp/g || exit 4
            echo took $(wc -c </tmp/g) $(sha256sum </tmp/g)
            """.formatted(HERE, GUEST, FROM_GUEST, TO_GUEST);

    @TempDir
    Path folder;

    @BeforeAll
    static void fetch() {
        TestKit.fetched();
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as("%s: %s", List.of(command), said).isZero();
    }

    private static String sum(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private static ServerSocket listen(int port) throws IOException {
        var server = new ServerSocket(port, 1, InetAddress.getByName(HERE));
        server.setSoTimeout(PATIENCE);
        return server;
    }

    @Test
    void a_guest_and_its_host_reach_each_other_over_a_tap() throws Exception {
        Peers.root();
        String ip = Peers.program("ip", "iproute2").toString();
        String ping = Peers.program("ping", "iputils-ping").toString();
        var given = new byte[BYTES];
        new Random(5).nextBytes(given);
        try (NetworkNamespace namespace = NetworkNamespace.create()) {
            ServerSocket[] servers = namespace.call(() -> {
                run(ip, "link", "set", "lo", "up");
                run(ip, "tuntap", "add", "dev", "vzguest", "mode", "tap");
                run(ip, "addr", "add", HERE + "/24", "dev", "vzguest");
                run(ip, "link", "set", "vzguest", "up");
                return new ServerSocket[] {listen(FROM_GUEST), listen(TO_GUEST)};
            });
            try (ServerSocket from = servers[0]; ServerSocket to = servers[1]) {
                CompletableFuture<VzCommand.Result> guest = later(
                        () -> namespace.call(() -> new VzCommand(folder).run(Map.of(), "boot", "--backend", "emulator",
                                "--net", "tap=vzguest", "--timeout", "170", "--exec", SCRIPT)));
                byte[] taken;
                try (Socket connection = from.accept()) {
                    taken = connection.getInputStream().readAllBytes();
                }
                try (Socket connection = to.accept()) {
                    namespace.call(() -> {
                        run(ping, "-c", "3", "-s", "1400", "-W", "20", GUEST);
                        return GUEST;
                    });
                    connection.getOutputStream().write(given);
                }
                VzCommand.Result result = guest.get(PATIENCE, TimeUnit.MILLISECONDS);
                assertThat(result.status()).as(result.err()).isZero();
                assertThat(taken).hasSize(BYTES);
                assertThat(result.out()).isEqualTo(
                        "gave " + sum(taken) + " -\ntook " + BYTES + " " + sum(given) + " -\n");
            }
        }
    }

    private interface Work<T> {
        T run() throws Exception;
    }

    private static <T> CompletableFuture<T> later(Work<T> work) {
        return Background.call(work::run);
    }
}
