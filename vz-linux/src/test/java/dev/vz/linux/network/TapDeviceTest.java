package dev.vz.linux.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.HostException;
import dev.vz.linux.Errno;
import dev.vz.linux.OpenDescriptors;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.file.FileIo;
import dev.vz.testing.Peers;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TapDeviceTest {

    private static final ValueLayout.OfShort NETWORK_SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.BIG_ENDIAN);

    @BeforeEach
    void needsPrivileges() {
        Peers.root();
        Peers.require(Files.isWritable(Path.of("/dev/net/tun")), "/dev/net/tun cannot be opened");
    }

    @Test
    void aNamespaceOfItsOwnHasNothingButALoopback() throws Exception {
        try (var namespace = NetworkNamespace.create()) {
            String interfaces = namespace.call(() -> Files.readString(Path.of("/proc/thread-self/net/dev")));
            assertThat(interfaces.lines().skip(2)).singleElement().asString().contains("lo:");
            namespace.call(() -> {
                try (var loopback = NetworkInterface.of("lo")) {
                    assertThat(loopback.isUp()).isFalse();
                    assertThat(loopback.index()).isEqualTo(1);
                    loopback.setUp(true);
                    assertThat(loopback.isUp()).isTrue();
                    loopback.setMtu(9000);
                    assertThat(loopback.mtu()).isEqualTo(9000);
                }
                return null;
            });
            assertThat(Files.readString(Path.of("/proc/thread-self/net/dev"))).isNotEqualTo(interfaces);
        }
    }

    @Test
    void whatTheHostSendsComesOutAndWhatIsPutInArrives() throws Exception {
        Path ip = Peers.program("ip", "iproute2");
        for (int headerSize : new int[] {0, 12}) {
            try (var namespace = NetworkNamespace.create();
                    var tap = namespace.call(() -> TapDevice.open("vz%d", headerSize, false));
                    var arena = Arena.ofConfined();
                    var loop = new EpollLoop("tap")) {
                assertThat(tap.name()).isEqualTo("vz0");
                assertThat(tap.headerSize()).isEqualTo(headerSize);
                var socket = namespace.call(() -> {
                    try (var itself = NetworkInterface.of("vz0")) {
                        itself.setHardwareAddress(new byte[] {2, 0, 0, 0, 0, 1});
                        assertThat(itself.hardwareAddress()).containsExactly(2, 0, 0, 0, 0, 1);
                        itself.setUp(true);
                    }
                    run(ip.toString(), "address", "add", "192.0.2.1/24", "dev", "vz0");
                    run(ip.toString(), "neighbour", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "vz0");
                    return new DatagramSocket(new InetSocketAddress("192.0.2.1", 4000));
                });
                try (socket) {
                    socket.setSoTimeout(60_000);
                    byte[] text = "out of the host".getBytes(StandardCharsets.US_ASCII);
                    socket.send(new DatagramPacket(text, text.length, InetAddress.getByName("192.0.2.2"), 5000));
                    var buffer = arena.allocate(2048);
                    MemorySegment frame = awaitUdp(loop, tap, buffer);
                    assertThat(frame.asSlice(42).toArray(ValueLayout.JAVA_BYTE)).startsWith(text);
                    assertThat(frame.get(ValueLayout.JAVA_BYTE, 5)).isEqualTo((byte) 2);

                    turnAround(frame);
                    long length = headerSize + frame.byteSize();
                    assertThat(FileIo.write(tap.descriptor(), buffer, 0, length)).isEqualTo(length);
                    var packet = new DatagramPacket(new byte[100], 100);
                    socket.receive(packet);
                    assertThat(packet.getSocketAddress()).isEqualTo(new InetSocketAddress("192.0.2.2", 5000));
                    assertThat(packet.getLength()).isEqualTo(text.length);
                }
            }
        }
    }

    @Test
    void offloadsNeedTheirPrerequisites() {
        try (var namespace = NetworkNamespace.create();
                var tap = namespace.call(() -> TapDevice.open("offload", 12, false))) {
            tap.setOffloads(EnumSet.of(TapDevice.Offload.CHECKSUM, TapDevice.Offload.TCP4_SEGMENTATION,
                    TapDevice.Offload.TCP6_SEGMENTATION, TapDevice.Offload.TCP_ECN));
            tap.setOffloads(EnumSet.noneOf(TapDevice.Offload.class));
            assertThatThrownBy(() -> tap.setOffloads(EnumSet.of(TapDevice.Offload.TCP4_SEGMENTATION)))
                    .isInstanceOf(HostException.class).hasMessageContaining("TUNSETOFFLOAD [TCP4_SEGMENTATION]")
                    .hasMessageContaining("EINVAL");
        }
    }

    @Test
    void severalQueuesShareAnInterfaceAndAPersistentOneStays() {
        try (var namespace = NetworkNamespace.create()) {
            namespace.call(() -> {
                try (var first = TapDevice.open("queues", 0, true); var second = TapDevice.open("queues", 0, true)) {
                    assertThat(second.name()).isEqualTo(first.name());
                    second.setAttached(false);
                    second.setAttached(true);
                    first.setPersistent(true);
                }
                try (var again = TapDevice.open("queues", 0, true)) {
                    again.setPersistent(false);
                }
                assertThatThrownBy(() -> NetworkInterface.of("queues")).isInstanceOfSatisfying(HostException.class,
                        failure -> assertThat(failure.errno()).isEqualTo(Errno.ENODEV));
                try (var alone = TapDevice.open("alone", 0, false)) {
                    assertThatThrownBy(() -> TapDevice.open("alone", 0, false)).hasMessageContaining("EBUSY")
                            .hasMessageContaining(alone.name());
                }
                return null;
            });
        }
    }

    @Test
    void impossibleNamesAndHeadersAreRefused() {
        assertThatThrownBy(() -> TapDevice.open("sixteen-letters-", 0, false))
                .isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> TapDevice.open("a/b", 0, false)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> TapDevice.open("vz%d", 11, false)).isInstanceOf(ConfigurationException.class);
        assertThatThrownBy(() -> NetworkNamespace.open(Path.of("/dev/null")).call(() -> 1))
                .isInstanceOf(HostException.class).hasMessageContaining("setns").hasMessageContaining("EINVAL");
        try (var namespace = NetworkNamespace.create()) {
            assertThatThrownBy(() -> namespace.call(() -> {
                throw new java.io.IOException("work that fails");
            })).isInstanceOf(HostException.class).hasMessageContaining("work that fails");
        }
    }

    @Test
    void leavesNothingOpen() throws Exception {
        OpenDescriptors.expectNoneLeftBy(() -> {
            try (var namespace = NetworkNamespace.create();
                    var tap = namespace.call(() -> TapDevice.open("cycle", 12, false))) {
                assertThat(tap.descriptor().isOpen()).isTrue();
                assertThatThrownBy(() -> namespace.call(() -> TapDevice.open("cycle", 12, false)));
            }
        });
    }

    /** Reads frames until the one to UDP port 5000 comes: the kernel sends some of its own, about IPv6. */
    private static MemorySegment awaitUdp(EpollLoop loop, TapDevice tap, MemorySegment buffer) {
        long[] length = {0};
        try (var registration = loop.register(tap.descriptor(), Readiness.IN, (which, readiness) -> length[0] = FileIo
                .read(tap.descriptor(), buffer, 0, buffer.byteSize()))) {
            for (int i = 0; i < 100; i++) {
                assertThat(loop.poll(60_000)).isEqualTo(1);
                MemorySegment frame = buffer.asSlice(tap.headerSize(), length[0] - tap.headerSize());
                if (frame.byteSize() > 42 && frame.get(NETWORK_SHORT, 12) == 0x0800
                        && frame.get(NETWORK_SHORT, 36) == 5000) {
                    assertThat(registration.descriptor()).isSameAs(tap.descriptor());
                    return frame;
                }
            }
        }
        throw new AssertionError("the datagram did not come");
    }

    /** Swaps the addresses and ports of a UDP frame, and drops its checksum, which UDP allows. */
    private static void turnAround(MemorySegment frame) {
        for (long[] pair : new long[][] {{0, 6, 6}, {26, 30, 4}, {34, 36, 2}}) {
            byte[] first = frame.asSlice(pair[0], pair[2]).toArray(ValueLayout.JAVA_BYTE);
            MemorySegment.copy(frame, pair[1], frame, pair[0], pair[2]);
            MemorySegment.copy(first, 0, frame, ValueLayout.JAVA_BYTE, pair[1], first.length);
        }
        frame.set(NETWORK_SHORT, 40, (short) 0);
    }

    private static void run(String... command) throws Exception {
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
    }
}
