package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.network.NetworkNamespace;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code vz net} and {@code vz boot --net network=…}, in a network namespace of the test's own: a network is defined and
 * started, and a guest finds itself in it.
 */
@Tag("guest")
@Timeout(400)
class NamedNetworkIT {

    private static final String HERE = "10.3.0.1";
    private static final String GUEST = "10.3.0.2";
    private static final String SCRIPT = """
            ip addr add %2$s/24 dev eth0 && ip link set eth0 up || exit 1
            until ping -c 1 -W 1 %1$s >/dev/null; do :; done
            echo 'a guest was here' | nc %1$s 5000 || exit 2
            cat /sys/class/net/eth0/address
            """.formatted(HERE, GUEST);

    @TempDir
    Path folder;

    @BeforeAll
    static void fetch() {
        TestKit.fetched();
    }

    private VzCommand.Result vz(String... words) throws IOException, InterruptedException {
        VzCommand.Result result = new VzCommand(folder)
                .run(Map.of("VZ_NETWORKS", folder.resolve("networks").toString()), words);
        assertThat(result.status()).as("%s: %s", String.join(" ", words), result.err()).isZero();
        return result;
    }

    @Test
    void a_guest_is_connected_with_the_network_that_was_named() throws Exception {
        Peers.root();
        Peers.program("ip", "iproute2");
        Peers.program("nft", "nftables");
        Path xml = Files.writeString(folder.resolve("blue.xml"), "<network><name>blue</name>"
                + "<bridge name='vzblue' stp='off'/><ip address='" + HERE + "' prefix='24'/></network>");
        try (NetworkNamespace namespace = NetworkNamespace.create()) {
            namespace.call(() -> vz("net", "define", xml.toString()));
            namespace.call(() -> vz("net", "start", "blue"));
            assertThat(namespace.call(() -> vz("net", "list")).out()).containsPattern("blue +active");
            try (ServerSocket server = namespace
                    .call(() -> new ServerSocket(5000, 1, InetAddress.getByName(HERE)))) {
                server.setSoTimeout(170_000);
                var said = CompletableFuture.supplyAsync(() -> {
                    try (Socket connection = server.accept()) {
                        return new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                    } catch (IOException failure) {
                        throw new CompletionException(failure);
                    }
                });
                assertThat(namespace.call(() -> vz("boot", "--backend", "emulator", "--net",
                        "network=blue,mac=52:54:00:00:00:33", "--timeout", "170", "--exec", SCRIPT)).out())
                        .isEqualTo("52:54:00:00:00:33\n");
                assertThat(said.get(60, TimeUnit.SECONDS)).isEqualTo("a guest was here\n");
            }
            namespace.call(() -> vz("net", "destroy", "blue"));
            assertThat(namespace.call(() -> vz("net", "list")).out()).doesNotContain("blue");
        }
    }
}
