package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.net.IpPrefix;
import dev.vz.testing.Peers;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.PortUnreachableException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A guest with Linux's own network stack, the gateway, and a server: what passes is what would pass without the gateway. */
@Timeout(value = 240, unit = TimeUnit.SECONDS)
class GatewayNetworkTest {

    private static final int BULK = 8 << 20;

    private Testbed bed;

    @BeforeEach
    void networks() {
        Testbed.require();
        bed = new Testbed(GatewayConfiguration.standard());
    }

    @AfterEach
    void vanish() {
        if (bed != null) {
            assertThat(bed.gateway.statistics().failures()).isZero();
            bed.close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {Testbed.SERVER, Testbed.SERVER6})
    void everyByteArrivesBothWaysAndBothEndsClose(String server) throws Exception {
        try (var listener = bed.listener(bed.server, server, 7000); var executor = Executors.newCachedThreadPool()) {
            var served = executor.submit(() -> {
                try (SocketChannel peer = listener.accept()) {
                    var sending = executor.submit(() -> send(peer, 2));
                    long received = checksum(peer.socket().getInputStream());
                    sending.get();
                    return received;
                }
            });
            try (SocketChannel guest = bed.guestSocket()) {
                guest.connect(address(server, 7000));
                var sending = executor.submit(() -> send(guest, 1));
                assertThat(checksum(guest.socket().getInputStream())).isEqualTo(expected(2));
                sending.get();
            }
            assertThat(served.get()).isEqualTo(expected(1));
        }
    }

    @Test
    void aSlowReaderGetsEverythingAndTheGuestIsMadeToWait() throws Exception {
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 7001);
                var executor = Executors.newCachedThreadPool()) {
            try (SocketChannel guest = bed.guestSocket()) {
                guest.connect(address(Testbed.SERVER, 7001));
                SocketChannel peer = listener.accept();
                var sending = executor.submit(() -> send(guest, 3));
                Thread.sleep(1500);
                assertThat(bed.gateway.statistics().stagedBytes()).isLessThanOrEqualTo(2 << 20);
                assertThat(checksum(peer.socket().getInputStream())).isEqualTo(expected(3));
                sending.get();
                peer.close();
            }
        }
    }

    @Test
    void aThousandShortConnectionsComeAndGo() throws Exception {
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 7002)) {
            var serving = CompletableFuture.runAsync(() -> greet(listener, 1000));
            for (int i = 0; i < 1000; i++) {
                try (SocketChannel guest = bed.guestSocket()) {
                    guest.connect(address(Testbed.SERVER, 7002));
                    assertThat(guest.socket().getInputStream().readAllBytes()).containsExactly('h', 'i');
                }
            }
            serving.get();
        }
        assertThat(bed.gateway.statistics().flowsOpened()).isGreaterThanOrEqualTo(1000);
    }

    private static void greet(ServerSocketChannel listener, int times) {
        try {
            for (int i = 0; i < times; i++) {
                try (SocketChannel peer = listener.accept()) {
                    peer.write(ByteBuffer.wrap(new byte[] {'h', 'i'}));
                }
            }
        } catch (java.io.IOException failure) {
            throw new java.io.UncheckedIOException(failure);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {Testbed.SERVER, Testbed.SERVER6})
    void datagramsOfAllSizesAreEchoedThoseThatNeedFragmentsToo(String server) throws Exception {
        try (var echo = bed.datagrams(bed.server); var guest = bed.datagrams(bed.guest)) {
            echo.bind(address(server, 7003));
            guest.connect(address(server, 7003));
            for (int size : new int[] {1, 512, 1452, 1472, 1473, 8000, 20_000}) {
                byte[] data = random(size, size);
                guest.write(ByteBuffer.wrap(data));
                ByteBuffer there = ByteBuffer.allocate(65_536);
                echo.socket().setSoTimeout(5000);
                SocketAddress from = echo.receive(there);
                assertThat(there.position()).isEqualTo(size);
                echo.send(there.flip(), from);
                ByteBuffer back = ByteBuffer.allocate(65_536);
                guest.read(back);
                assertThat(back.flip().remaining()).isEqualTo(size);
                assertThat(back).isEqualTo(ByteBuffer.wrap(data));
            }
        }
    }

    @Test
    void whatTheNetworkRefusesIsRefusedInItsOwnWords() throws Exception {
        try (SocketChannel closed = bed.guestSocket()) {
            assertThatThrownBy(() -> closed.connect(address(Testbed.SERVER, 9))).isInstanceOf(ConnectException.class)
                    .hasMessageContaining("refused");
        }
        try (SocketChannel nowhere = bed.guestSocket()) {
            // The host has no route for IPv6 but its own network.
            assertThatThrownBy(() -> nowhere.connect(address("2001:db8:1::1", 80)))
                    .isInstanceOfAny(ConnectException.class, SocketException.class, NoRouteToHostException.class)
                    .hasMessageContaining("unreachable");
        }
        try (var guest = bed.datagrams(bed.guest)) {
            guest.connect(address(Testbed.SERVER, 9));
            guest.write(ByteBuffer.wrap(new byte[10]));
            assertThatThrownBy(() -> guest.read(ByteBuffer.allocate(10))).isInstanceOf(PortUnreachableException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", Testbed.HOST, "169.254.169.254", "::ffff:127.0.0.1", "2001:db8::2"})
    void theHostItselfIsOutOfReach(String address) throws Exception {
        try (var secret = bed.listener(bed.host, "0.0.0.0", 7004); var secret6 = bed.listener(bed.host, "::", 7005)) {
            for (int port : new int[] {7004, 7005}) {
                try (SocketChannel guest = bed.guestSocket()) {
                    guest.configureBlocking(false);
                    try {
                        guest.connect(address(address, port));
                        long end = System.nanoTime() + 2_000_000_000L;
                        while (System.nanoTime() < end && !guest.finishConnect()) {
                            Thread.sleep(10);
                        }
                    } catch (java.io.IOException expected) {
                        assertThat(expected).isInstanceOf(SocketException.class);
                    }
                    assertThat(guest.isConnected()).as("connected with " + address).isFalse();
                }
            }
            secret.configureBlocking(false);
            secret6.configureBlocking(false);
            assertThat(secret.accept()).isNull();
            assertThat(secret6.accept()).isNull();
        }
    }

    @Test
    void thePolicyDecidesAndMayChangeItsMind() throws Exception {
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 7006)) {
            bed.gateway.setPolicy(request -> request.port() == 7006 && request.protocol() == EgressRequest.Protocol.TCP
                    && request.destination().getHostAddress().equals(Testbed.SERVER)
                            ? EgressPolicy.Decision.REJECT
                            : EgressPolicy.Decision.ALLOW);
            try (SocketChannel guest = bed.guestSocket()) {
                assertThatThrownBy(() -> guest.connect(address(Testbed.SERVER, 7006)))
                        .isInstanceOf(java.io.IOException.class);
            }
            bed.gateway.setPolicy(request -> {
                throw new IllegalStateException("a policy that fails");
            });
            try (SocketChannel guest = bed.guestSocket()) {
                assertThatThrownBy(() -> guest.connect(address(Testbed.SERVER, 7006)))
                        .isInstanceOf(java.io.IOException.class);
            }
            bed.gateway.setPolicy(EgressPolicy.allowAll());
            try (SocketChannel guest = bed.guestSocket()) {
                guest.connect(address(Testbed.SERVER, 7006));
                assertThat(guest.isConnected()).isTrue();
            }
        }
    }

    @Test
    void thePolicyHearsWhomTlsClientsWantToTalkTo() throws Exception {
        var heard = new java.util.concurrent.ConcurrentLinkedQueue<String>();
        bed.gateway.setPolicy(new EgressPolicy() {
            @Override
            public Decision decide(EgressRequest request) {
                return Decision.ALLOW;
            }

            @Override
            public boolean readsServerNames(int port) {
                return port == 443;
            }

            @Override
            public Decision decideServerName(EgressRequest request, @org.jspecify.annotations.Nullable String name) {
                heard.add(String.valueOf(name));
                return "good.example".equals(name) ? Decision.ALLOW : Decision.REJECT;
            }
        });
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 443)) {
            byte[] good = ClientHelloTest.hello("good.example");
            for (int piece : new int[] {good.length, 100, 1}) {
                try (SocketChannel guest = bed.guestSocket()) {
                    guest.connect(address(Testbed.SERVER, 443));
                    guest.socket().setTcpNoDelay(true);
                    for (int at = 0; at < good.length; at += piece) {
                        guest.write(ByteBuffer.wrap(good, at, Math.min(piece, good.length - at)));
                    }
                    guest.write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
                    guest.shutdownOutput();
                    try (SocketChannel peer = listener.accept()) {
                        byte[] arrived = peer.socket().getInputStream().readAllBytes();
                        assertThat(arrived).startsWith(good).hasSize(good.length + 3);
                    }
                }
            }
            for (byte[] wrong : new byte[][] {ClientHelloTest.hello("bad.example"), "GET / HTTP/1.0".getBytes(
                    StandardCharsets.US_ASCII),
                java.util.Arrays.copyOf(good, 60)}) {
                try (SocketChannel guest = bed.guestSocket()) {
                    guest.connect(address(Testbed.SERVER, 443));
                    guest.write(ByteBuffer.wrap(wrong));
                    guest.shutdownOutput();
                    assertThatThrownBy(() -> guest.read(ByteBuffer.allocate(1))).isInstanceOf(SocketException.class)
                            .hasMessageContaining("reset");
                    try (SocketChannel peer = listener.accept()) {
                        var any = ByteBuffer.allocate(1);
                        assertThatThrownBy(() -> peer.read(any)).isInstanceOf(SocketException.class);
                        assertThat(any.position()).isZero();
                    }
                }
            }
        }
        assertThat(heard).containsExactly("good.example", "good.example", "good.example", "bad.example", "null",
                "null");
    }

    @Test
    void aForwardLeadsToTheGuestWithTheClientsAddressUntilItIsClosed() throws Exception {
        PortForward forward = bed.gateway.addForward(PortForward.tcp(IpPrefix.address(Testbed.HOST), 0,
                IpPrefix.address(Testbed.GUEST), 8080));
        assertThat(bed.gateway.forwards()).containsExactly(forward);
        try (var listener = bed.listener(bed.guest, Testbed.GUEST, 8080)) {
            try (SocketChannel client = bed.server.call(SocketChannel::open)) {
                client.connect(address(Testbed.HOST, forward.hostPort()));
                try (SocketChannel guest = listener.accept()) {
                    assertThat(guest.getRemoteAddress()).isEqualTo(client.getLocalAddress());
                    client.write(ByteBuffer.wrap("question".getBytes(StandardCharsets.US_ASCII)));
                    assertThat(guest.socket().getInputStream().readNBytes(8)).asString().isEqualTo("question");
                }
            }
            // The same port again, from inside: through the gateway's own address, and through the host's.
            for (String target : new String[] {"10.0.2.2", Testbed.HOST}) {
                try (SocketChannel hairpin = bed.guestSocket()) {
                    hairpin.connect(address(target, forward.hostPort()));
                    try (SocketChannel guest = listener.accept()) {
                        guest.write(ByteBuffer.wrap(new byte[] {42}));
                        assertThat(hairpin.socket().getInputStream().read()).isEqualTo(42);
                    }
                }
            }
            assertThat(bed.gateway.removeForward(forward)).isTrue();
            assertThat(bed.gateway.removeForward(forward)).isFalse();
            try (SocketChannel client = bed.server.call(SocketChannel::open)) {
                assertThatThrownBy(() -> client.connect(address(Testbed.HOST, forward.hostPort())))
                        .isInstanceOf(ConnectException.class);
            }
        }
    }

    @Test
    void aForwardWithProxyHeaderNamesTheClient() throws Exception {
        var forward = bed.gateway.addForward(new PortForward(EgressRequest.Protocol.TCP,
                IpPrefix.address(Testbed.HOST), 0, IpPrefix.address(Testbed.GUEST), 8081, true));
        try (var listener = bed.listener(bed.guest, Testbed.GUEST, 8081);
                SocketChannel client = bed.server.call(SocketChannel::open)) {
            client.connect(address(Testbed.HOST, forward.hostPort()));
            client.write(ByteBuffer.wrap("and then the data".getBytes(StandardCharsets.US_ASCII)));
            client.shutdownOutput();
            try (SocketChannel guest = listener.accept()) {
                int port = ((InetSocketAddress) client.getLocalAddress()).getPort();
                assertThat(guest.socket().getInputStream().readAllBytes()).asString()
                        .isEqualTo("PROXY TCP4 192.0.2.1 192.0.2.2 " + port + " " + forward.hostPort()
                                + "\r\nand then the data");
            }
        }
    }

    @Test
    void aDatagramForwardKeepsItsClientsApart() throws Exception {
        var forward = bed.gateway.addForward(PortForward.udp(IpPrefix.address(Testbed.HOST), 0,
                IpPrefix.address(Testbed.GUEST), 8082));
        try (var guest = bed.datagrams(bed.guest); var one = bed.datagrams(bed.server);
                var other = bed.datagrams(bed.server)) {
            guest.bind(address(Testbed.GUEST, 8082));
            one.connect(address(Testbed.HOST, forward.hostPort()));
            other.connect(address(Testbed.HOST, forward.hostPort()));
            // The first may meet a gateway that does not know where the guest is yet.
            var first = ByteBuffer.allocate(10);
            SocketAddress clientOne = null;
            guest.configureBlocking(false);
            for (int i = 0; i < 1000 && clientOne == null; i++) {
                one.write(ByteBuffer.wrap(new byte[] {1}));
                Thread.sleep(50);
                clientOne = guest.receive(first);
            }
            guest.configureBlocking(true);
            assertThat(clientOne).isEqualTo(one.getLocalAddress());
            other.write(ByteBuffer.wrap(new byte[] {2}));
            SocketAddress clientOther;
            do {
                first.clear();
                clientOther = guest.receive(first);
            } while (first.get(0) == 1);
            guest.send(ByteBuffer.wrap(new byte[] {12}), clientOther);
            guest.send(ByteBuffer.wrap(new byte[] {11}), clientOne);
            var answer = ByteBuffer.allocate(10);
            other.read(answer);
            assertThat(answer.get(0)).isEqualTo((byte) 12);
            answer.clear();
            one.read(answer);
            assertThat(answer.get(0)).isEqualTo((byte) 11);
        }
    }

    @Test
    void pingAndTracerouteSeeTheNetworkAsItIs() throws Exception {
        Peers.program("ping", "iputils-ping");
        String output = bed.guest.call(() -> Testbed.run("ping", "-c", "2", "-i", "0.2", "-w", "60", "-s", "3000",
                Testbed.SERVER));
        assertThat(output).contains("2 received");
        String output6 = bed.guest.call(() -> Testbed.run("ping", "-c", "2", "-i", "0.2", "-w", "60", Testbed.SERVER6));
        assertThat(output6).contains("2 received");
        Peers.program("traceroute", "traceroute");
        String hops = bed.guest.call(() -> Testbed.run("traceroute", "-n", "-q", "1", "-w", "30,0,0", "-m", "4",
                "198.51.100.1"));
        assertThat(hops.lines().skip(1)).hasSize(2).satisfiesExactly(hop -> assertThat(hop).contains("10.0.2.2"),
                hop -> assertThat(hop).contains("198.51.100.1"));
        String hops6 = bed.guest.call(() -> Testbed.run("traceroute", "-6", "-n", "-q", "1", "-w", "30,0,0", "-m", "4",
                Testbed.SERVER6));
        assertThat(hops6.lines().skip(1)).hasSize(2).satisfiesExactly(hop -> assertThat(hop).contains("fd00::2"),
                hop -> assertThat(hop).contains(Testbed.SERVER6));
    }

    private static InetSocketAddress address(String address, int port) {
        return new InetSocketAddress(IpPrefix.address(address), port);
    }

    private static byte[] random(long seed, int size) {
        byte[] data = new byte[size];
        new Random(seed).nextBytes(data);
        return data;
    }

    private static Void send(SocketChannel to, long seed) throws Exception {
        to.socket().getOutputStream().write(random(seed, BULK));
        to.shutdownOutput();
        return null;
    }

    private static long expected(long seed) {
        var sum = new CRC32C();
        sum.update(random(seed, BULK));
        return sum.getValue();
    }

    private static long checksum(InputStream in) throws Exception {
        var sum = new CRC32C();
        byte[] buffer = new byte[1 << 16];
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            sum.update(buffer, 0, n);
        }
        return sum.getValue();
    }
}
