package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkPort;
import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.network.NetworkNamespace;
import dev.vz.linux.network.TapDevice.Offload;
import dev.vz.net.IpPrefix;
import dev.vz.net.port.TapPort;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/**
 * Three networks of their own: a guest with a TAP, the host that the gateway runs in, and a server behind a cable. Nothing
 * of it touches the machine's network, and all vanishes with it.
 */
final class Testbed implements AutoCloseable {

    static final String GUEST = "10.0.2.15";
    static final String GUEST6 = "fd00::15";
    static final String HOST = "192.0.2.2";
    static final String SERVER = "192.0.2.1";
    static final String SERVER6 = "2001:db8::1";

    final NetworkNamespace guest = NetworkNamespace.create();
    final NetworkNamespace host = NetworkNamespace.create();
    final NetworkNamespace server = NetworkNamespace.create();
    final EpollLoop loop = new EpollLoop("gateway under test");
    final TapPort port;
    final Gateway gateway;
    private volatile boolean stopping;
    private final Thread thread;

    Testbed(GatewayConfiguration configuration) {
        this(configuration, 1500);
    }

    Testbed(GatewayConfiguration configuration, int mtu) {
        this(configuration, mtu, tap -> tap);
    }

    /** With something between the TAP and the gateway. */
    Testbed(GatewayConfiguration configuration, int mtu, UnaryOperator<LinkPort> cable) {
        port = guest.call(() -> TapPort.open("eth0", EnumSet.allOf(Offload.class), loop));
        guest.call(() -> {
            run("ip", "link", "set", "lo", "up");
            run("ip", "link", "set", "eth0", "mtu", String.valueOf(mtu), "up");
            run("ip", "address", "add", GUEST + "/24", "dev", "eth0");
            run("ip", "address", "add", GUEST6 + "/64", "dev", "eth0", "nodad");
            run("ip", "route", "add", "default", "via", "10.0.2.2");
            run("ip", "-6", "route", "add", "default", "via", "fd00::2");
            return null;
        });
        server.call(() -> {
            run("ip", "link", "set", "lo", "up");
            run("ip", "address", "add", "198.51.100.1/32", "dev", "lo");
            return null;
        });
        host.call(() -> {
            run("ip", "link", "set", "lo", "up");
            run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
                    "/proc/" + ProcessHandle.current().pid() + "/fd/" + server.descriptor().value());
            run("ip", "address", "add", HOST + "/24", "dev", "eth0");
            run("ip", "address", "add", "2001:db8::2/64", "dev", "eth0", "nodad");
            run("ip", "link", "set", "eth0", "up");
            return null;
        });
        server.call(() -> {
            run("ip", "address", "add", SERVER + "/24", "dev", "eth0");
            run("ip", "address", "add", SERVER6 + "/64", "dev", "eth0", "nodad");
            run("ip", "link", "set", "eth0", "up");
            return null;
        });
        host.call(() -> {
            run("ip", "route", "add", "default", "via", SERVER);
            return null;
        });
        awaitServer(SERVER);
        awaitServer(SERVER6);
        var polled = new CountDownLatch(1);
        thread = Thread.ofPlatform().daemon().name("gateway under test").start(() -> host.call(() -> {
            polled.countDown();
            while (!stopping) {
                loop.poll(100);
            }
            return null;
        }));
        await(polled);
        gateway = new Gateway(loop, cable.apply(port), configuration);
    }

    /** What a test of this kind needs of the machine. */
    static void require() {
        Peers.root();
        Peers.program("ip", "iproute2");
        Peers.require(Files.isWritable(Path.of("/dev/net/tun")), "/dev/net/tun cannot be opened");
    }

    /**
     * A cable is up when the kernel's worker gets to it, a moment after both its ends were: until then it drops what it is
     * given, and IPv6 has no route over it. Then the server's host refuses, as nobody listens there.
     */
    private void awaitServer(String address) {
        var nobody = new InetSocketAddress(IpPrefix.address(address), 9);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        String said = "";
        while (!said.contains("refused")) {
            assertThat(System.nanoTime()).as("asked for %s, the host said: %s", nobody, said).isLessThan(end);
            try (SocketChannel probe = host.call(SocketChannel::open)) {
                probe.socket().connect(nobody, 200);
                said = "connected";
                Thread.sleep(10);
            } catch (IOException failure) {
                said = String.valueOf(failure.getMessage());
            } catch (InterruptedException interruption) {
                throw new AssertionError(interruption);
            }
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interruption) {
            throw new AssertionError(interruption);
        }
    }

    SocketChannel guestSocket() {
        return guest.call(SocketChannel::open);
    }

    DatagramChannel datagrams(NetworkNamespace where) {
        return where.call(DatagramChannel::open);
    }

    ServerSocketChannel listener(NetworkNamespace where, String address, int port) {
        return where.call(() -> {
            var listener = ServerSocketChannel.open();
            listener.bind(new InetSocketAddress(IpPrefix.address(address), port), 512);
            return listener;
        });
    }

    static String run(String... command) throws Exception {
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(String.join(" ", command) + ": " + output).isZero();
        return output;
    }

    @Override
    public void close() {
        gateway.close();
        port.close();
        stopping = true;
        loop.wake();
        try {
            thread.join();
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
        }
        loop.close();
        guest.close();
        host.close();
        server.close();
    }
}
