package dev.vz.net.port;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.net.Frames;
import dev.vz.net.Frames.Collector;
import dev.vz.net.IpPrefix;
import dev.vz.net.bridge.PortSettings;
import dev.vz.net.bridge.SwitchSettings;
import dev.vz.net.bridge.VirtualSwitch;
import dev.vz.testing.Peers;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tunnels between two endpoints of ours, from somebody hostile, and to the kernel's own VXLAN. */
@Timeout(180)
class VxlanTest {

    private static final long A = 0x5254_0000_000AL;
    private static final long B = 0x5254_0000_000BL;
    private static final InetAddress LOCAL = IpPrefix.address("127.0.0.1");

    private final EpollLoop loop = new EpollLoop("tunnels under test");
    private volatile boolean stopping;

    @AfterEach
    void closeLoop() {
        loop.close();
    }

    private void until(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("the condition within a minute").isLessThan(end);
            loop.poll(10);
        }
    }

    private static byte[] frame(int size) {
        byte[] payload = new byte[size - 14];
        new Random(size).nextBytes(payload);
        return Frames.ethernet(B, A, Frames.LOCAL_TYPE, payload);
    }

    @Test
    void framesArriveInOrderInTheNetworkThatTheyBelongTo() {
        try (var a = VxlanEndpoint.open(LOCAL, 0, 1450, loop); var b = VxlanEndpoint.open(LOCAL, 0, 1450, loop)) {
            LinkPort blue = a.tunnel(7, LOCAL, b.port());
            LinkPort red = a.tunnel(0xFF_FFFF, LOCAL, b.port());
            Collector blueArrived = Collector.on(b.tunnel(7, LOCAL, a.port()));
            Collector redArrived = Collector.on(b.tunnel(0xFF_FFFF, LOCAL, a.port()));
            var sent = new ArrayList<byte[]>();
            for (int size : new int[] {14, 60, 61, 1464, 1464, 1464, 500}) {
                sent.add(frame(size));
            }
            // Equal ones in one batch leave as one message, and arrive as what they were.
            byte[][] equal = {frame(1000), frame(1000), frame(1000), frame(999)};
            sent.addAll(List.of(equal));
            for (byte[] each : sent.subList(0, 7)) {
                assertThat(Frames.send(blue, each)).isOne();
            }
            assertThat(Frames.send(blue, equal)).isEqualTo(4);
            assertThat(Frames.send(red, frame(77), frame(1500), frame(78))).isEqualTo(3);
            until(() -> blueArrived.frames().size() == sent.size() && redArrived.frames().size() == 2);
            assertThat(blueArrived.frames()).usingRecursiveFieldByFieldElementComparator().isEqualTo(sent);
            assertThat(redArrived.frames().get(1)).isEqualTo(frame(78));
            assertThat(b.rejected()).isZero();
        }
    }

    @Test
    void aTunnelThatMakesNoSenseIsRefused() {
        try (var endpoint = VxlanEndpoint.open(LOCAL, 0, 1450, loop)) {
            endpoint.tunnel(1, LOCAL, 4789);
            assertThatThrownBy(() -> endpoint.tunnel(1, LOCAL, 4789)).isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("already");
            assertThatThrownBy(() -> endpoint.tunnel(1 << 24, LOCAL, 4789)).hasMessageContaining("24 bits");
            assertThatThrownBy(() -> endpoint.tunnel(2, IpPrefix.address("::1"), 4789)).hasMessageContaining("IPv6");
            assertThatThrownBy(() -> endpoint.tunnel(2, LOCAL, 0)).hasMessageContaining("port");
        }
    }

    @Test
    void datagramsThatNobodyShouldBelieveAreCountedAndGoNowhere() throws Exception {
        try (var endpoint = VxlanEndpoint.open(LOCAL, 0, 1450, loop); var enemy = DatagramChannel.open();
                var stranger = DatagramChannel.open()) {
            Collector arrived = Collector.on(endpoint.tunnel(7, LOCAL, 4789));
            var to = new InetSocketAddress(LOCAL, endpoint.port());
            byte[] good = datagram(0x08, 7, frame(60));
            stranger.bind(new InetSocketAddress(IpPrefix.address("127.0.0.2"), 0));
            stranger.send(ByteBuffer.wrap(good), to);
            List<byte[]> wrong = List.of(datagram(0, 7, frame(60)), datagram(0x08, 8, frame(60)), new byte[0],
                    new byte[7], Arrays.copyOf(good, 21), datagram(0x08, 7, frame(1500)),
                    datagram(0x08, 7, frame(9000)));
            for (byte[] each : wrong) {
                enemy.send(ByteBuffer.wrap(each), to);
            }
            var random = new Random(3);
            for (int i = 0; i < 200; i++) {
                byte[] noise = new byte[random.nextInt(200)];
                random.nextBytes(noise);
                enemy.send(ByteBuffer.wrap(noise), to);
                loop.poll(0);
            }
            enemy.send(ByteBuffer.wrap(good), to);
            until(() -> !arrived.frames().isEmpty());
            assertThat(arrived.frames()).hasSize(1);
            assertThat(arrived.frames().getFirst()).isEqualTo(frame(60));
            assertThat(endpoint.rejected()).isEqualTo(1 + wrong.size() + 200);
        }
    }

    private static byte[] datagram(int flags, int vni, byte[] frame) {
        return ByteBuffer.allocate(8 + frame.length).putInt(flags << 24).putInt(vni << 8).put(frame).array();
    }

    /** A guest with a TAP, a switch with a tunnel, and another host whose kernel speaks VXLAN. */
    @ParameterizedTest
    @CsvSource({"192.0.2.1,192.0.2.2,24,1450", "2001:db8::1,2001:db8::2,64,1430"})
    void theKernelIsTheOtherEnd(String theirs, String ours, int bits, int mtu) throws Exception {
        Peers.root();
        Peers.program("ip", "iproute2");
        Peers.program("ping", "iputils-ping");
        Peers.program("ethtool", "ethtool");
        try (var guest = NetworkNamespace.create(); var host = NetworkNamespace.create();
                var peer = NetworkNamespace.create()) {
            run(host, "ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
                    "/proc/" + ProcessHandle.current().pid() + "/fd/" + peer.descriptor().value());
            up(host, "eth0", ours, bits);
            up(peer, "eth0", theirs, bits);
            run(peer, "ip", "link", "add", "vxlan0", "type", "vxlan", "id", "4242", "local", theirs, "remote", ours,
                    "dstport", "4789", "dev", "eth0");
            run(peer, "ip", "link", "set", "vxlan0", "mtu", String.valueOf(mtu));
            // A virtual cable passes checksums on unfinished, for the next kernel to see to it; a socket gets the bytes as they are.
            run(peer, "ethtool", "-K", "vxlan0", "tx", "off");
            up(peer, "vxlan0", "10.9.0.2", 24);
            run(peer, "ip", "address", "add", "fd09::2/64", "dev", "vxlan0", "nodad");
            try (var tap = guest.call(() -> TapPort.open("eth0", loop));
                    var endpoint = host.call(() -> VxlanEndpoint.open(IpPrefix.address(ours), VxlanEndpoint.PORT, mtu,
                            loop));
                    var network = new VirtualSwitch("tunnel", SwitchSettings.standard())) {
                run(guest, "ip", "link", "set", "eth0", "mtu", String.valueOf(mtu));
                up(guest, "eth0", "10.9.0.1", 24);
                run(guest, "ip", "address", "add", "fd09::1/64", "dev", "eth0", "nodad");
                network.add(tap, PortSettings.standard());
                network.add(endpoint.tunnel(4242, IpPrefix.address(theirs), VxlanEndpoint.PORT),
                        PortSettings.standard());
                Thread poller = Thread.ofPlatform().start(() -> {
                    while (!stopping) {
                        loop.poll(50);
                    }
                });
                try {
                    awaitCable(peer, ours);
                    for (String target : new String[] {"10.9.0.2", "fd09::2"}) {
                        assertThat(run(guest, "ping", "-c", "3", "-i", "0.2", "-w", "60", "-s", "3000", target))
                                .contains("3 received");
                    }
                    assertThat(run(peer, "ping", "-c", "3", "-i", "0.2", "-w", "60", "10.9.0.1"))
                            .contains("3 received");
                    transfer(guest, peer);
                    assertThat(endpoint.rejected()).isZero();
                } finally {
                    stopping = true;
                    poller.join();
                }
            }
        }
    }

    /** A cable is up when the kernel gets to it: till then it drops what it is given, and IPv6 has no route over it. */
    private static void awaitCable(NetworkNamespace from, String to) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (from.call(() -> new ProcessBuilder("ping", "-c", "1", "-W", "1", to)
                .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor()) != 0) {
            assertThat(System.nanoTime()).as("pings of " + to).isLessThan(end);
        }
    }

    /** Through TCP, whose large unfinished frames are cut on the way. */
    private static void transfer(NetworkNamespace guest, NetworkNamespace peer) throws Exception {
        byte[] data = new byte[4 << 20];
        new Random(5).nextBytes(data);
        try (var listener = peer.call(() -> java.nio.channels.ServerSocketChannel.open()
                .bind(new InetSocketAddress(IpPrefix.address("10.9.0.2"), 7000)));
                var client = guest.call(java.nio.channels.SocketChannel::open)) {
            client.connect(new InetSocketAddress(IpPrefix.address("10.9.0.2"), 7000));
            try (var accepted = listener.accept()) {
                Thread sender = Thread.ofVirtual().start(() -> {
                    try {
                        client.socket().getOutputStream().write(data);
                        client.shutdownOutput();
                    } catch (java.io.IOException failure) {
                        throw new java.io.UncheckedIOException(failure);
                    }
                });
                assertThat(accepted.socket().getInputStream().readAllBytes()).isEqualTo(data);
                sender.join();
            }
        }
    }

    private static void up(NetworkNamespace where, String link, String address, int bits) {
        run(where, "ip", "link", "set", link, "up");
        List<String> words = new ArrayList<>(List.of("ip", "address", "add", address + "/" + bits, "dev", link));
        if (address.contains(":")) {
            words.add("nodad");
        }
        run(where, words.toArray(String[]::new));
    }

    private static String run(NetworkNamespace where, String... command) {
        return where.call(() -> {
            var process = new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(String.join(" ", command) + ": " + output).isZero();
            return output;
        });
    }
}
