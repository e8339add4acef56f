package dev.vz.net.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.link.LinkPort;
import dev.vz.net.IpPrefix;
import dev.vz.net.port.ImpairedLink;
import dev.vz.net.port.Impairment;
import dev.vz.net.time.NetClock;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A bad cable between guest and gateway: frames are lost, doubled and overtaken in both directions, whole large ones, too.
 * {@code -Dvz.net.flows} and {@code -Dvz.net.minutes} make the run as long as one likes.
 */
class LossyLinkTest {

    private static final int FLOWS = Integer.getInteger("vz.net.flows", 16);
    private static final long BYTES = 1 << 19;
    private static final int PIECE = 1 << 14;
    private final long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(Integer.getInteger("vz.net.minutes", 0));

    private ImpairedLink cable;
    private Testbed bed;
    private volatile boolean stopping;
    private Thread carrier;

    @BeforeEach
    void networks() {
        Testbed.require();
        var bad = Impairment.none().withDelay(Duration.ofMillis(1), Duration.ZERO).withLoss(0.01).withDuplicate(0.005)
                .withReorder(0.01);
        bed = new Testbed(GatewayConfiguration.standard(), 1500, tap -> {
            cable = new ImpairedLink("bad cable", tap.features(), bad, bad, NetClock.system(), 42);
            LinkPort guestEnd = cable.a();
            tap.receive(guestEnd::send);
            guestEnd.receive(tap::send);
            return cable.b();
        });
        carrier = Thread.ofPlatform().daemon().name("bad cable").start(() -> {
            while (!stopping) {
                LockSupport.parkNanos(Math.clamp(cable.run(), 1000, 200_000));
            }
        });
    }

    @AfterEach
    void vanish() throws Exception {
        if (bed != null) {
            assertThat(bed.gateway.statistics().failures()).isZero();
            stopping = true;
            carrier.join();
            bed.close();
            cable.close();
        }
    }

    @Test
    @Timeout(value = 20, unit = TimeUnit.MINUTES)
    void everyByteOfEveryFlowIsRightWhileForwardsComeAndGo() throws Exception {
        try (var listener = bed.listener(bed.server, Testbed.SERVER, 7100);
                var executor = Executors.newCachedThreadPool()) {
            var echo = executor.submit(() -> {
                for (int i = 0; i < FLOWS; i++) {
                    SocketChannel peer = listener.accept();
                    executor.submit(() -> echo(peer));
                }
                return null;
            });
            var flows = new ArrayList<Future<Long>>();
            for (int i = 0; i < FLOWS; i++) {
                int seed = i;
                flows.add(executor.submit(() -> roundTrip(seed, executor)));
            }
            var random = new Random(7);
            while (flows.stream().anyMatch(flow -> !flow.isDone())) {
                PortForward forward = bed.gateway.addForward(PortForward.tcp(IpPrefix.address(Testbed.HOST), 0,
                        IpPrefix.address(Testbed.GUEST), 1 + random.nextInt(65_535)));
                try (SocketChannel client = bed.server.call(SocketChannel::open)) {
                    client.configureBlocking(false);
                    client.connect(new InetSocketAddress(IpPrefix.address(Testbed.HOST), forward.hostPort()));
                    Thread.sleep(random.nextInt(20));
                }
                assertThat(bed.gateway.removeForward(forward)).isTrue();
            }
            echo.get();
            for (var flow : flows) {
                assertThat(flow.get()).isGreaterThanOrEqualTo(BYTES);
            }
        }
        assertThat(cable.lost()).isPositive();
        assertThat(bed.gateway.forwards()).isEmpty();
    }

    private static Void echo(SocketChannel peer) throws Exception {
        try (peer) {
            var buffer = ByteBuffer.allocate(1 << 16);
            while (peer.read(buffer.clear()) >= 0) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    peer.write(buffer);
                }
            }
            peer.shutdownOutput();
        }
        return null;
    }

    private long roundTrip(int seed, java.util.concurrent.ExecutorService executor) throws Exception {
        try (SocketChannel guest = bed.guestSocket()) {
            guest.connect(new InetSocketAddress(IpPrefix.address(Testbed.SERVER), 7100));
            var sending = executor.submit(() -> {
                var random = new Random(seed);
                byte[] piece = new byte[PIECE];
                long sent = 0;
                while (sent < BYTES || System.nanoTime() < end) {
                    random.nextBytes(piece);
                    guest.socket().getOutputStream().write(piece);
                    sent += PIECE;
                }
                guest.shutdownOutput();
                return sent;
            });
            var random = new Random(seed);
            byte[] piece = new byte[PIECE];
            long back = 0;
            byte[] came = guest.socket().getInputStream().readNBytes(PIECE);
            while (came.length > 0) {
                random.nextBytes(piece);
                assertThat(came).as("bytes of flow %d from %d on", seed, back).isEqualTo(piece);
                back += came.length;
                came = guest.socket().getInputStream().readNBytes(PIECE);
            }
            assertThat(back).isEqualTo(sending.get());
            return back;
        }
    }
}
