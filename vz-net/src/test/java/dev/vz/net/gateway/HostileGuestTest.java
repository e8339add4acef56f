package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.link.VnetHeader;
import dev.vz.linux.event.EpollLoop;
import dev.vz.net.Frames;
import dev.vz.net.IpPrefix;
import dev.vz.net.dhcp.DhcpConfiguration;
import dev.vz.net.dhcp.DhcpServer;
import dev.vz.net.dhcp.DhcpService;
import dev.vz.net.packet.ArpPacket;
import dev.vz.net.packet.Checksum;
import dev.vz.net.packet.EthernetHeader;
import dev.vz.net.packet.IpProtocol;
import dev.vz.net.packet.Ipv4Header;
import dev.vz.net.packet.Ipv6Header;
import dev.vz.net.packet.TcpHeader;
import dev.vz.net.packet.UdpHeader;
import dev.vz.net.packet.Wire;
import dev.vz.testing.Peers;
import java.lang.foreign.MemorySegment;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What a guest that means harm sends. After each the gateway is asked for its address: it answers, it has not failed once, and
 * it holds no more than its limits. The only hosts it can reach are this machine's loopback.
 */
@Timeout(value = 240, unit = TimeUnit.SECONDS)
class HostileGuestTest {

    static final long GATEWAY = GatewayConfiguration.standard().mac().value();
    static final long MAC = 0x52_54_00_00_00_01L;
    static final int OWN = 0x0A00020F;
    static final int ROUTER = 0x0A000202;
    static final int LOOPBACK = 0x7F000001;
    private static final int FLOWS = 200;
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

    private EpollLoop loop;
    private LinkPair wire;
    private Gateway gateway;
    private Frames.Collector received;

    @BeforeEach
    void connect() {
        loop = new EpollLoop("gateway of a hostile guest");
        loop.start();
        wire = new LinkPair("wire", LinkFeatures.none());
        received = Frames.Collector.on(wire.a());
        var limits = new GatewayLimits(FLOWS, FLOWS, 64, 1 << 20, 8, 100, Duration.ofHours(2), Duration.ofMinutes(2),
                Duration.ofSeconds(30), Duration.ofMinutes(3));
        gateway = new Gateway(loop, wire.b(), GatewayConfiguration.standard().withLimits(limits)
                .withExceptions(List.of(IpPrefix.parse("127.0.0.1/32"))));
    }

    @AfterEach
    void theGatewayIsAliveAndWithinItsLimits() throws Exception {
        assertThat(answersArp()).as("the gateway answers").isTrue();
        GatewayStatistics statistics = gateway.statistics();
        assertThat(statistics.failures()).isZero();
        assertThat(statistics.flows()).isLessThanOrEqualTo(FLOWS);
        gateway.close();
        wire.close();
        loop.close();
    }

    private boolean answersArp() throws Exception {
        received.take();
        send(arp(MAC, OWN, ROUTER));
        long end = System.nanoTime() + PATIENCE;
        while (System.nanoTime() - end < 0) {
            for (byte[] frame : received.take()) {
                if (EthernetHeader.type(MemorySegment.ofArray(frame), 0) == EthernetHeader.ARP) {
                    return true;
                }
            }
            Thread.sleep(10);
        }
        return false;
    }

    /** Sends, again and again while the gateway has no room, and lets it finish. */
    private void send(byte[]... frames) {
        for (byte[] frame : frames) {
            while (Frames.send(wire.a(), frame) == 0) {
                Thread.onSpinWait();
            }
        }
    }

    private void settle() {
        gateway.statistics();
        gateway.statistics();
    }

    private static byte[] arp(long mac, int own, int target) {
        byte[] body = new byte[ArpPacket.SIZE];
        ArpPacket.set(MemorySegment.ofArray(body), 0, ArpPacket.REQUEST, mac, own, 0, target);
        return Frames.ethernet(0xFFFF_FFFF_FFFFL, mac, EthernetHeader.ARP, body);
    }

    static byte[] tcp(long mac, int source, int destination, int sourcePort, int port, int sequence, int ack, int flags,
            byte... payload) {
        byte[] bytes = Frames.ipv4(GATEWAY, mac, IpProtocol.TCP, source, destination, new byte[20 + payload.length]);
        MemorySegment frame = MemorySegment.ofArray(bytes);
        TcpHeader.set(frame, 34, sourcePort, port, sequence, ack, 20, flags, 8192);
        System.arraycopy(payload, 0, bytes, 54, payload.length);
        long sum = Checksum.pseudo4(source, destination, IpProtocol.TCP, 20 + payload.length);
        Wire.put16(frame, 50, Checksum.finish(Checksum.add(sum, frame, 34, 20 + payload.length)));
        return bytes;
    }

    static byte[] udp6(int port, byte... payload) {
        byte[] bytes = new byte[14 + 40 + 8 + payload.length];
        MemorySegment frame = MemorySegment.ofArray(bytes);
        EthernetHeader.set(frame, 0, GATEWAY, MAC, EthernetHeader.IPV6);
        int length = 8 + payload.length;
        Ipv6Header.set(frame, 14, 0, 0, length, IpProtocol.UDP, 64, 0xFD00L << 48, 0x15, 0x2001_0DB8_0000_0000L, 1);
        UdpHeader.set(frame, 54, 4000, port, length);
        System.arraycopy(payload, 0, bytes, 62, payload.length);
        long sum = Checksum.pseudo6(frame, 14 + Ipv6Header.ADDRESSES, IpProtocol.UDP, length);
        Wire.put16(frame, 60, Checksum.finishUdp(Checksum.add(sum, frame, 54, length)));
        return bytes;
    }

    private static byte[] bootp(long mac) {
        byte[] message = new byte[244];
        message[0] = 1;
        message[1] = 1;
        message[2] = 6;
        MemorySegment segment = MemorySegment.ofArray(message);
        Wire.put48(segment, 28, mac);
        Wire.put32(segment, 236, 0x63825363);
        message[240] = 53;
        message[241] = 1;
        message[242] = 1;
        message[243] = (byte) 255;
        return Frames.udp(0xFFFF_FFFF_FFFFL, mac, 0, -1, 68, 67, message);
    }

    /** The kinds of frames that a gateway looks into. */
    enum Kind {
        BOOTP, UDP, UDP6, ARP, TCP, ECHO;

        byte[] frame() {
            return switch (this) {
                case BOOTP -> bootp(MAC);
                case UDP -> Frames.udp(GATEWAY, MAC, OWN, LOOPBACK, 4000, 9, new byte[20]);
                case UDP6 -> udp6(9, new byte[20]);
                case ARP -> arp(MAC, OWN, ROUTER);
                case TCP -> tcp(MAC, OWN, LOOPBACK, 4000, 9, 1, 0, TcpHeader.SYN);
                case ECHO -> {
                    byte[] ping = {8, 0, 0, 0, 0, 1, 0, 1};
                    MemorySegment message = MemorySegment.ofArray(ping);
                    Wire.put16(message, 2, Checksum.finish(Checksum.add(0, message, 0, 8)));
                    yield Frames.ipv4(GATEWAY, MAC, IpProtocol.ICMP, OWN, ROUTER, ping);
                }
            };
        }
    }

    static List<byte[]> everyKind() {
        return Arrays.stream(Kind.values()).map(Kind::frame).toList();
    }

    @ParameterizedTest
    @EnumSource
    void headersThatReachBeyondTheFrame(Kind kind) {
        serveDhcp();
        byte[] whole = kind.frame();
        for (int length = 0; length < whole.length; length++) {
            send(Arrays.copyOf(whole, length));
        }
        settle();
        assertThat(gateway.statistics().malformed()).isGreaterThan(20);
    }

    private void serveDhcp() {
        new DhcpService(gateway, new DhcpServer(DhcpConfiguration.of("10.0.2.2/24", "10.0.2.100", "10.0.2.120"), null,
                InstantSource.system()));
    }

    @ParameterizedTest
    @EnumSource
    void lengthFieldsThatLie(Kind kind) {
        serveDhcp();
        byte[] whole = kind.frame();
        // The fields of two bytes that hold a length, an offset or a header length in any of the headers.
        for (int at = 12; at + 1 < Math.min(whole.length, 70); at++) {
            for (int value : new int[] {0, 1, 7, 8, 19, 20, 0x7FFF, 0x8000, 0xFFFF}) {
                byte[] wrong = whole.clone();
                Wire.put16(MemorySegment.ofArray(wrong), at, value);
                if (Wire.u16(MemorySegment.ofArray(wrong), 12) == EthernetHeader.IPV4) {
                    if ((wrong[14] & 0xF) >= 5 && 14 + (wrong[14] & 0xF) * 4 <= wrong.length) {
                        Ipv4Header.finishChecksum(MemorySegment.ofArray(wrong), 14);
                    }
                }
                send(wrong);
            }
        }
        settle();
        assertThat(gateway.statistics().malformed()).isPositive();
    }

    @Test
    void fragmentsThatOverlapContradictAndNeverEnd() {
        var random = new Random(1);
        byte[] datagram = Frames.udp(GATEWAY, MAC, OWN, LOOPBACK, 4000, 9, new byte[1400]);
        for (int i = 0; i < 20_000; i++) {
            byte[] fragment = Arrays.copyOf(datagram, 34 + random.nextInt(1, 60) * 8);
            MemorySegment frame = MemorySegment.ofArray(fragment);
            Wire.put16(frame, 16, fragment.length - 14);
            Wire.put16(frame, 18, random.nextInt(32));
            Wire.put16(frame, 20, random.nextInt(0x4000));
            Ipv4Header.finishChecksum(frame, 14);
            send(fragment);
        }
        settle();
    }

    @Test
    void anUrgentPointerBeyondTheData() throws Exception {
        try (var listener = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
            send(tcp(MAC, OWN, LOOPBACK, 5000, listener.getLocalPort(), 100, 0, TcpHeader.SYN));
            byte[] answer = await(frame -> Wire.u8(frame, 47) == (TcpHeader.SYN | TcpHeader.ACK));
            int theirs = TcpHeader.sequence(MemorySegment.ofArray(answer), 34);
            byte[] urgent = tcp(MAC, OWN, LOOPBACK, 5000, listener.getLocalPort(), 101, theirs + 1,
                    TcpHeader.ACK | TcpHeader.URG | TcpHeader.PSH, (byte) 'u', (byte) 'r');
            MemorySegment frame = MemorySegment.ofArray(urgent);
            int sum = Wire.u16(frame, 50);
            Wire.put16(frame, 52, 0xFFFF);
            Wire.put16(frame, 50, Checksum.update(sum, 0, 0xFFFF));
            send(urgent);
            try (var accepted = listener.accept()) {
                assertThat(accepted.getInputStream().readNBytes(2)).asString().isEqualTo("ur");
            }
        }
    }

    private interface Wanted {
        boolean is(MemorySegment frame);
    }

    private byte[] await(Wanted wanted) throws Exception {
        long end = System.nanoTime() + PATIENCE;
        while (System.nanoTime() - end < 0) {
            for (byte[] frame : received.take()) {
                if (frame.length >= 54 && wanted.is(MemorySegment.ofArray(frame))) {
                    return frame;
                }
            }
            Thread.sleep(10);
        }
        throw new AssertionError("the frame did not come");
    }

    /** What a guest may flood a gateway with. */
    enum Flood {
        SYNS, DATAGRAM_FLOWS, ETHERNET_ADDRESSES, ARP_REQUESTS, LEASES;

        byte[] frame(int i, Random random, int port) {
            long mac = random.nextLong() & 0xFEFF_FFFF_FFFFL;
            int source = OWN + random.nextInt(100);
            int sourcePort = 1 + random.nextInt(65_535);
            return switch (this) {
                case SYNS -> tcp(MAC, OWN, LOOPBACK, sourcePort, 1 + random.nextInt(65_535), i, 0, TcpHeader.SYN);
                case DATAGRAM_FLOWS -> Frames.udp(GATEWAY, MAC, OWN, LOOPBACK, sourcePort, port, (byte) i);
                case ETHERNET_ADDRESSES -> Frames.udp(GATEWAY, mac, source, LOOPBACK, sourcePort, port, (byte) i);
                case ARP_REQUESTS -> arp(mac, source, ROUTER);
                case LEASES -> bootp(mac);
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFloodLeavesTheHeapFlat(Flood flood) throws Exception {
        serveDhcp();
        try (var socket = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
            flood(flood, socket.getLocalPort(), 1000);
            long before = heap();
            flood(flood, socket.getLocalPort(), 4000);
            assertThat(heap() - before).isLessThan(4L << 20);
        }
        GatewayStatistics statistics = gateway.statistics();
        if (flood == Flood.DATAGRAM_FLOWS) {
            assertThat(statistics.flowsEvicted() + statistics.flowsRefused()).isGreaterThan(1000);
        }
        assertThat(statistics.errorsSent()).isLessThan(100 * 60);
    }

    private void flood(Flood flood, int port, int times) {
        var random = new Random(times);
        for (int i = 0; i < times; i++) {
            send(flood.frame(i, random, port));
        }
        settle();
        received.take();
    }

    private static long heap() throws Exception {
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(50);
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    @Test
    void descriptorsThatRunOutComeBack() throws Exception {
        Path prlimit = Peers.program("prlimit", "util-linux");
        String pid = String.valueOf(ProcessHandle.current().pid());
        String before = Testbed.run(prlimit.toString(), "--pid", pid, "--nofile", "--noheadings", "--output", "SOFT")
                .strip();
        long open;
        try (var descriptors = Files.list(Path.of("/proc/self/fd"))) {
            open = descriptors.count();
        }
        try (var socket = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
            send(Frames.udp(GATEWAY, MAC, OWN, LOOPBACK, 1, socket.getLocalPort(), (byte) 0));
            settle();
            // Started before, as without descriptors nothing can be; it goes back when it is told to, or when its input ends.
            var limit = new ProcessBuilder("sh", "-c", prlimit + " --pid " + pid + " --nofile=" + (open + 40)
                    + ": && echo low; read line; " + prlimit + " --pid " + pid + " --nofile=" + before
                    + ": && echo high").redirectErrorStream(true).start();
            try (var said = limit.inputReader(); var tell = limit.outputWriter()) {
                assertThat(said.readLine()).isEqualTo("low");
                for (int i = 2; i < 150; i++) {
                    send(Frames.udp(GATEWAY, MAC, OWN, LOOPBACK, i, socket.getLocalPort(), (byte) i));
                }
                settle();
                tell.write("\n");
                tell.flush();
                assertThat(said.readLine()).isEqualTo("high");
            }
            assertThat(gateway.statistics().flowsEvicted()).isPositive();
            byte[] packet = new byte[10];
            var last = new java.net.DatagramPacket(packet, packet.length);
            socket.setSoTimeout(60_000);
            int seen = 0;
            for (int i = 1; i < 150; i++) {
                socket.receive(last);
                seen = Math.max(seen, packet[0] & 0xFF);
            }
            assertThat(seen).isEqualTo(149);
        }
    }

    @Test
    void offloadsThatMakeNoSense() {
        byte[] datagram = Frames.udp(GATEWAY, MAC, OWN, LOOPBACK, 4000, 9, new byte[100]);
        byte[] segment = tcp(MAC, OWN, LOOPBACK, 4001, 9, 1, 0, TcpHeader.SYN);
        for (byte[] bytes : List.of(datagram, segment)) {
            for (int type : new int[] {0, 1, 3, 4, 5, 0x81, 0x85, 0xFF}) {
                for (int size : new int[] {0, 1, 100, 0xFFFF}) {
                    for (int start : new int[] {0, 13, 34, 60, 0xFFFF}) {
                        var batch = Frames.batch(bytes);
                        VnetHeader.set(batch.segment(0), 0, VnetHeader.NEEDS_CSUM, type, size, size, start, size);
                        while (wire.a().send(batch) == 0) {
                            Thread.onSpinWait();
                        }
                    }
                }
            }
        }
        settle();
    }

    @Test
    void noByteOfAnotherGuestIsInAnyFrame() throws Exception {
        byte[] canary = "a canary of somebody else's".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        byte[] secret = new byte[1400];
        for (int i = 0; i + canary.length < secret.length; i += canary.length) {
            System.arraycopy(canary, 0, secret, i, canary.length);
        }
        long other = 0x52_54_00_00_00_02L;
        var frames = new ArrayList<byte[]>();
        for (int round = 0; round < 50; round++) {
            // Its datagrams and the errors about them go through the same buffers as what the other guest gets.
            send(Frames.udp(GATEWAY, other, OWN + 1, LOOPBACK, 4000 + round, 9, secret));
            send(Frames.udp(GATEWAY, other, OWN + 1, OWN + 9, 4000 + round, 9, secret));
            for (byte[] mine : everyKind()) {
                send(mine);
            }
            send(Frames.udp(GATEWAY, MAC, OWN, LOOPBACK, 5000 + round, 9, (byte) 1));
            send(Frames.udp(GATEWAY, MAC, OWN, OWN + 9, 5000 + round, 9, (byte) 1));
            settle();
            frames.addAll(received.take());
        }
        Thread.sleep(100);
        frames.addAll(received.take());
        String needle = new String(canary, java.nio.charset.StandardCharsets.ISO_8859_1).substring(0, 8);
        int mine = 0;
        for (byte[] frame : frames) {
            boolean toOther = EthernetHeader.destination(MemorySegment.ofArray(frame), 0) == other;
            if (!toOther) {
                mine++;
                assertThat(new String(frame, java.nio.charset.StandardCharsets.ISO_8859_1)).doesNotContain(needle);
            }
        }
        assertThat(mine).isGreaterThan(50);
    }
}
