package dev.vz.samples.cli.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.IpPrefix;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code vz nat} as an operator starts it, between network namespaces of the test's own. */
@Timeout(240)
@SuppressWarnings("NullAway.Init")
class NatProgramIT {

    private static final String HOST = "192.0.2.2";
    private static final String SERVER = "192.0.2.1";
    private static final String STRANGER = "52:54:00:00:00:16";
    private static final String WEB = "52:54:00:00:00:20";

    @TempDir
    private Path folder;

    private NetworkNamespace guest;
    private NetworkNamespace host;
    private NetworkNamespace server;

    @BeforeEach
    void networks() throws Exception {
        Peers.root();
        Peers.program("ip", "iproute2");
        Peers.program("udhcpc", "udhcpc");
        guest = NetworkNamespace.create();
        host = NetworkNamespace.create();
        server = NetworkNamespace.create();
        ip(host, "link add eth0 type veth peer name eth0 netns " + file(server));
        ip(host, "address add " + HOST + "/24 dev eth0");
        ip(host, "link set eth0 up");
        ip(server, "address add " + SERVER + "/24 dev eth0");
        ip(server, "link set eth0 up");
        ip(guest, "link set lo up");
    }

    @AfterEach
    void vanish() {
        if (server != null) {
            guest.close();
            host.close();
            server.close();
        }
    }

    private static String file(NetworkNamespace namespace) {
        return "/proc/" + ProcessHandle.current().pid() + "/fd/" + namespace.descriptor().value();
    }

    private static void ip(NetworkNamespace where, String words) throws Exception {
        run(where, ("ip " + words).split(" "));
    }

    private static void run(NetworkNamespace where, String... command) throws Exception {
        Process process = where.call(() -> new ProcessBuilder(command).redirectErrorStream(true).start());
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as("%s: %s", String.join(" ", command), output).isZero();
    }

    private RunningVz start() throws Exception {
        RunningVz vz = host.call(() -> RunningVz.start(folder, "nat", "--netns", file(guest), "--tap", "eth0", "--dhcp",
                "10.0.2.15-10.0.2.99", "--dhcp-host", WEB + "=10.0.2.20=web", "--leases",
                folder.resolve("leases").toString(), "--domain", "guests.test", "--dns", SERVER, "--forward",
                "tcp:" + HOST + ":8080:10.0.2.20:80", "--allow", "tcp:" + SERVER + "/32:7000", "--allow",
                "tcp:" + SERVER + "/32:443", "--allow-server", "*.example.com"));
        vz.await("is connected to 10.0.2.2/24");
        return vz;
    }

    /** Lets the guest ask for an address under the Ethernet address {@code mac}; the address that it gets. */
    private String lease(String mac) throws Exception {
        Path script = folder.resolve("bound");
        Path lease = folder.resolve("lease");
        Files.deleteIfExists(lease);
        Files.writeString(script, """
                #!/bin/sh
                [ "$1" = bound ] || exit 0
                ip address add $ip/$mask dev $interface && ip route add default via $router && echo $ip >%s
                """.formatted(lease));
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
        ip(guest, "address flush dev eth0");
        ip(guest, "link set eth0 down");
        ip(guest, "link set eth0 address " + mac);
        ip(guest, "link set eth0 up");
        run(guest, "udhcpc", "-i", "eth0", "-n", "-q", "-t", "10", "-T", "2", "-s", script.toString());
        return Files.readString(lease).strip();
    }

    private static InetSocketAddress at(String address, int port) {
        return new InetSocketAddress(IpPrefix.address(address), port);
    }

    private static ServerSocketChannel listener(NetworkNamespace where, String address, int port) {
        return where.call(() -> ServerSocketChannel.open().bind(at(address, port)));
    }

    private SocketChannel fromGuest(int port) throws IOException {
        SocketChannel socket = guest.call(SocketChannel::open);
        socket.connect(at(SERVER, port));
        return socket;
    }

    /** Sends {@code bytes} from one end to the other and says so. */
    private static void carry(SocketChannel from, SocketChannel to, byte[] bytes) throws Exception {
        Thread sending = Thread.ofVirtual().start(() -> {
            try {
                from.socket().getOutputStream().write(bytes);
            } catch (IOException failure) {
                throw new java.io.UncheckedIOException(failure);
            }
        });
        assertThat(to.socket().getInputStream().readNBytes(bytes.length)).isEqualTo(bytes);
        sending.join();
    }

    @Test
    void guestsGetAnAddressReachWhatIsAllowedAreReachedAndKeepTheirLeaseWhenTheProgramIsKilled() throws Exception {
        String kept;
        try (RunningVz vz = start()) {
            kept = lease(STRANGER);
            assertThat(kept).startsWith("10.0.2.").isNotEqualTo("10.0.2.20");
            vz.kill();
        }
        byte[] data = new byte[1 << 20];
        new Random(5).nextBytes(data);
        try (RunningVz vz = start()) {
            assertThat(lease(STRANGER)).isEqualTo(kept);
            assertThat(lease(WEB)).isEqualTo("10.0.2.20");
            assertThat(answer("web.guests.test")).containsExactly(10, 0, 2, 20);
            try (var listener = listener(server, SERVER, 7000); var socket = fromGuest(7000);
                    SocketChannel peer = listener.accept()) {
                carry(socket, peer, data);
                carry(peer, socket, data);
            }
            try (var listener = listener(server, SERVER, 7001)) {
                assertThatThrownBy(() -> fromGuest(7001).close()).isInstanceOf(IOException.class);
                assertThat(listener.isOpen()).isTrue();
            }
            try (var listener = listener(guest, "10.0.2.20", 80);
                    SocketChannel client = server.call(SocketChannel::open)) {
                client.connect(at(HOST, 8080));
                try (SocketChannel peer = listener.accept()) {
                    carry(client, peer, data);
                }
            }
            serversHaveNames();
            vz.terminate();
            vz.awaitEnd();
        }
    }

    private void serversHaveNames() throws Exception {
        try (var listener = listener(server, SERVER, 443)) {
            byte[] hello = hello("www.example.com");
            try (var socket = fromGuest(443); SocketChannel peer = listener.accept()) {
                carry(socket, peer, hello);
            }
            try (var socket = fromGuest(443); SocketChannel peer = listener.accept()) {
                socket.socket().getOutputStream().write(hello("www.example.net"));
                var nothing = ByteBuffer.allocate(1);
                assertThatThrownBy(() -> {
                    if (socket.read(nothing) < 0) {
                        throw new IOException("closed");
                    }
                }).isInstanceOf(IOException.class);
                peer.configureBlocking(false);
                int seen = -1;
                try {
                    seen = peer.read(nothing);
                } catch (IOException reset) {
                    assertThat(reset).hasMessageContaining("reset");
                }
                assertThat(seen).isLessThanOrEqualTo(0);
            }
        }
    }

    /** What a TLS client says first. */
    private static byte[] hello(String name) throws Exception {
        SSLEngine engine = SSLContext.getDefault().createSSLEngine(name, 443);
        engine.setUseClientMode(true);
        var parameters = engine.getSSLParameters();
        parameters.setServerNames(List.of(new SNIHostName(name)));
        engine.setSSLParameters(parameters);
        var message = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(ByteBuffer.allocate(0), message);
        return Arrays.copyOf(message.array(), message.position());
    }

    /** The address that the gateway's name server gives the guest for a name (RFC 1035, 4). */
    private byte[] answer(String name) throws IOException {
        var query = ByteBuffer.allocate(512);
        query.putShort((short) 77).putShort((short) 0x0100).putShort((short) 1).putShort((short) 0).putInt(0);
        for (String label : name.split("\\.")) {
            query.put((byte) label.length()).put(label.getBytes(StandardCharsets.US_ASCII));
        }
        query.put((byte) 0).putShort((short) 1).putShort((short) 1).flip();
        try (DatagramChannel socket = guest.call(DatagramChannel::open)) {
            socket.connect(at("10.0.2.2", 53));
            socket.write(query);
            var reply = ByteBuffer.allocate(512);
            socket.socket().setSoTimeout(20_000);
            var packet = new java.net.DatagramPacket(reply.array(), 512);
            socket.socket().receive(packet);
            assertThat(reply.getShort(0)).isEqualTo((short) 77);
            assertThat(reply.getShort(6)).as("answers").isEqualTo((short) 1);
            // Behind the header and the question lies the one record: name, type, class, time to live, length, address.
            int at = query.limit() + 2 + 2 + 2 + 4 + 2;
            return Arrays.copyOfRange(reply.array(), at, at + 4);
        }
    }
}
