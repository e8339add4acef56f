package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.IpPrefix;
import dev.vz.testing.Peers;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What people run in guests, through the gateway to a server: iperf3, curl, nmap, and as many connections as they like. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
@SuppressWarnings("NullAway.Init")
class GatewayProgramsTest {

    private static final Pattern RECEIVED = Pattern.compile("\"sum_received\":\\s*\\{[^}]*?\"bytes\":\\s*(\\d+)");
    private static final Pattern STREAM = Pattern.compile("\"receiver\":\\s*\\{[^}]*?\"bytes\":\\s*(\\d+)");

    private Testbed bed;
    private final List<Process> running = new ArrayList<>();

    @BeforeEach
    void networks() {
        Testbed.require();
        bed = new Testbed(GatewayConfiguration.standard());
    }

    @AfterEach
    void vanish() throws Exception {
        for (Process each : running) {
            each.destroyForcibly().waitFor();
        }
        if (bed != null) {
            assertThat(bed.gateway.statistics().failures()).isZero();
            bed.close();
        }
    }

    private static String run(NetworkNamespace where, String... command) {
        return where.call(() -> Testbed.run(command));
    }

    private void start(NetworkNamespace where, String... command) {
        running.add(where.call(() -> new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start()));
    }

    /** Waits until someone listens at all the server's addresses: iperf3 would take a connection for its client's. */
    private void awaitPort(int port) throws Exception {
        var listening = Pattern.compile(String.format("(?m)^ *\\d+: 0{32}:%04X 0{32}:0000 0A ", port));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!listening.matcher(bed.server.call(() -> Files.readString(Path.of("/proc/thread-self/net/tcp6"))))
                .find()) {
            assertThat(System.nanoTime()).as("nobody listens at port " + port).isLessThan(end);
            Thread.sleep(10);
        }
    }

    @ParameterizedTest(name = "{0} streams to {1} {2}")
    @CsvSource({"1,192.0.2.1,", "1,192.0.2.1,-R", "4,192.0.2.1,", "4,192.0.2.1,-R", "64,192.0.2.1,", "64,192.0.2.1,-R",
        "4,2001:db8::1,", "4,2001:db8::1,-R"})
    void iperf3MovesBytesOnEveryStream(int streams, String server, String direction) throws Exception {
        Peers.program("iperf3", "iperf3");
        start(bed.server, "iperf3", "-s", "-p", "5201");
        awaitPort(5201);
        var command = new ArrayList<>(List.of("iperf3", "-J", "-c", server, "-p", "5201", "-t", "1", "-P",
                String.valueOf(streams)));
        if (direction != null) {
            command.add(direction);
        }
        String report = run(bed.guest, command.toArray(String[]::new));
        var sum = RECEIVED.matcher(report);
        assertThat(sum.find()).as(report).isTrue();
        assertThat(Long.parseLong(sum.group(1))).isGreaterThan(10_000_000);
        var each = STREAM.matcher(report);
        int moved = 0;
        while (each.find()) {
            assertThat(Long.parseLong(each.group(1))).isPositive();
            moved++;
        }
        assertThat(moved).isEqualTo(streams);
    }

    @ParameterizedTest(name = "datagrams {1} to {0}")
    @CsvSource({"192.0.2.1,", "192.0.2.1,-R", "2001:db8::1,", "2001:db8::1,-R"})
    void iperf3LosesNoDatagramsAtAModestRate(String server, String direction) throws Exception {
        Peers.program("iperf3", "iperf3");
        // As many as a socket keeps for a reader whose turn does not come: of these none may be lost, however busy the machine.
        var few = datagrams(5202, server, direction, "-k", "100", "-b", "2M", "-l", "200");
        assertThat(few.sent()).isBetween(100L, 110L);
        assertThat(few.lost()).isZero();
        // Here a program that is kept from running for a twentieth of a second loses some without the gateway, too.
        var many = datagrams(5203, server, direction, "-t", "1", "-b", "20M", "-l", "1200");
        assertThat(many.sent()).isGreaterThan(500);
        assertThat(many.lost()).isLessThan(many.sent() / 2);
    }

    private record Datagrams(long sent, long lost) {}

    /** What iperf3 says of datagrams to a server of their own: between two clients it closes its door for a moment. */
    private Datagrams datagrams(int port, String server, @Nullable String direction, String... amount)
            throws Exception {
        String number = String.valueOf(port);
        start(bed.server, "iperf3", "-s", "-p", number);
        awaitPort(port);
        var command = new ArrayList<>(List.of("iperf3", "-J", "-c", server, "-p", number, "-u"));
        command.addAll(List.of(amount));
        if (direction != null) {
            command.add(direction);
        }
        String report = run(bed.guest, command.toArray(String[]::new));
        var sum = Pattern.compile("\"sum\":\\s*\\{[^}]*?\"lost_packets\":\\s*(\\d+),\\s*\"packets\":\\s*(\\d+)")
                .matcher(report);
        assertThat(sum.find()).as(report).isTrue();
        return new Datagrams(Long.parseLong(sum.group(2)), Long.parseLong(sum.group(1)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"192.0.2.1", "[2001:db8::1]"})
    void curlFetchesAndSendsALargeFileWithoutAWrongByte(String server, @TempDir Path folder) throws Exception {
        Peers.program("curl", "curl");
        byte[] content = new byte[32 << 20];
        new Random(11).nextBytes(content);
        Path file = Files.write(folder.resolve("large"), content);
        try (var listener = bed.listener(bed.server, "::", 80); var executor = Executors.newCachedThreadPool()) {
            var serving = executor.submit(() -> {
                for (int i = 0; i < 2; i++) {
                    try (SocketChannel peer = listener.accept()) {
                        exchange(peer, content);
                    }
                }
                return null;
            });
            String url = "http://" + server + "/large";
            Path copy = folder.resolve("copy");
            run(bed.guest, "curl", "-sS", "--fail", "-g", "-o", copy.toString(), url);
            assertThat(digest(Files.readAllBytes(copy))).isEqualTo(digest(content));
            assertThat(run(bed.guest, "curl", "-sS", "--fail", "-g", "-H", "Expect:", "-T", file.toString(), url))
                    .isEqualTo(digest(content));
            serving.get();
        }
    }

    /** One request: GET is answered with {@code content}, PUT with the digest of what came. */
    private static void exchange(SocketChannel peer, byte[] content) throws Exception {
        var in = new java.io.BufferedInputStream(peer.socket().getInputStream());
        var head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.read());
        }
        byte[] answer = content;
        if (head.indexOf("PUT") == 0) {
            answer = digest(in.readNBytes(content.length)).getBytes(StandardCharsets.US_ASCII);
        }
        var out = peer.socket().getOutputStream();
        out.write(("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + answer.length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
        out.write(answer);
    }

    private static String digest(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }

    @Test
    void tenThousandShortConnectionsComeAndGo() throws Exception {
        int clients = 4;
        int each = 2500;
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 7200);
                ExecutorService executor = Executors.newCachedThreadPool()) {
            Future<?> serving = executor.submit(() -> {
                for (int i = 0; i < clients * each; i++) {
                    try (SocketChannel peer = listener.accept()) {
                        peer.write(ByteBuffer.wrap(new byte[] {'h', 'i'}));
                    }
                }
                return null;
            });
            var work = new ArrayList<Future<Integer>>();
            for (int client = 0; client < clients; client++) {
                Callable<Integer> visits = () -> {
                    for (int i = 0; i < each; i++) {
                        try (SocketChannel guest = bed.guestSocket()) {
                            guest.connect(new InetSocketAddress(IpPrefix.address(Testbed.SERVER), 7200));
                            assertThat(guest.socket().getInputStream().readAllBytes()).containsExactly('h', 'i');
                        }
                    }
                    return each;
                };
                work.add(executor.submit(visits));
            }
            for (var done : work) {
                assertThat(done.get()).isEqualTo(each);
            }
            serving.get();
        }
        assertThat(bed.gateway.statistics().flowsOpened()).isGreaterThanOrEqualTo(10_000);
        assertThat(bed.gateway.statistics().flowsRefused()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {Testbed.SERVER, Testbed.SERVER6})
    void keystrokesAreAnsweredAtOnce(String server) throws Exception {
        try (var listener = bed.listener(bed.server, server, 7201); SocketChannel guest = bed.guestSocket()) {
            guest.connect(new InetSocketAddress(IpPrefix.address(server), 7201));
            long[] waits = new long[300];
            try (SocketChannel peer = listener.accept()) {
                var key = ByteBuffer.allocate(1);
                for (int i = 0; i < waits.length; i++) {
                    long begin = System.nanoTime();
                    guest.write(ByteBuffer.wrap(new byte[] {(byte) i}));
                    assertThat(peer.read(key.clear())).isOne();
                    peer.write(key.flip());
                    assertThat(guest.read(key.clear())).isOne();
                    assertThat(key.get(0)).isEqualTo((byte) i);
                    waits[i] = System.nanoTime() - begin;
                }
            }
            Arrays.sort(waits);
            // A delayed acknowledgment anywhere on the way would show as 40 ms in all but the first of them; where other
            // programs take the processors, many take long for that reason.
            assertThat(waits[waits.length / 10]).isLessThan(TimeUnit.MILLISECONDS.toNanos(35));
        }
    }

    @ParameterizedTest
    @CsvSource({"-4,-sT,192.0.2.1", "-4,-sS,192.0.2.1", "-6,-sT,2001:db8::1"})
    void nmapSeesTheSamePortsAsWithoutTheGateway(String family, String scan, String server) throws Exception {
        Peers.program("nmap", "nmap");
        try (var first = bed.listener(bed.server, "::", 7301); var second = bed.listener(bed.server, "::", 7308)) {
            String[] command = {"nmap", family, "-n", "-Pn", scan, "--initial-rtt-timeout", "20s", "--min-rtt-timeout",
                "20s", "--max-rtt-timeout", "20s", "-p", "7300-7310", server};
            List<String> direct = ports(run(bed.host, command));
            assertThat(direct).hasSize(11).filteredOn(line -> line.contains("open")).hasSize(2);
            assertThat(ports(run(bed.guest, command))).isEqualTo(direct);
        }
    }

    private static List<String> ports(String report) {
        return report.lines().filter(line -> line.matches("\\d+/tcp .*")).map(line -> line.replaceAll(" +", " "))
                .toList();
    }

    @Test
    void anUplinkThatVanishesAndReturnsCostsNoByte() throws Exception {
        byte[] data = new byte[64 << 20];
        new Random(12).nextBytes(data);
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 7202); SocketChannel guest = bed.guestSocket();
                ExecutorService executor = Executors.newCachedThreadPool()) {
            guest.connect(new InetSocketAddress(IpPrefix.address(Testbed.SERVER), 7202));
            try (SocketChannel peer = listener.accept()) {
                Future<?> sending = executor.submit(() -> {
                    guest.socket().getOutputStream().write(data);
                    guest.shutdownOutput();
                    return null;
                });
                var in = peer.socket().getInputStream();
                var arrived = new java.io.ByteArrayOutputStream(data.length);
                arrived.write(in.readNBytes(4 << 20));
                run(bed.host, "ip", "link", "set", "eth0", "down");
                Thread.sleep(500);
                // A new connection is told the truth meanwhile, and the gateway is alive.
                try (SocketChannel other = bed.guestSocket()) {
                    org.assertj.core.api.Assertions
                            .assertThatThrownBy(
                                    () -> other.connect(new InetSocketAddress(IpPrefix.address(Testbed.SERVER), 7202)))
                            .isInstanceOf(java.io.IOException.class).hasMessageContaining("unreachable");
                }
                run(bed.host, "ip", "link", "set", "eth0", "up");
                run(bed.host, "ip", "route", "add", "default", "via", Testbed.SERVER);
                in.transferTo(arrived);
                sending.get();
                assertThat(digest(arrived.toByteArray())).isEqualTo(digest(data));
            }
        }
    }
}
