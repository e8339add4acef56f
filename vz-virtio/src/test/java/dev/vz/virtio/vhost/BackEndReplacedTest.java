package dev.vz.virtio.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.error.HostException;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.PollSet;
import dev.vz.linux.event.Readiness;
import dev.vz.linux.socket.SocketType;
import dev.vz.linux.socket.UnixAddress;
import dev.vz.linux.socket.UnixSocket;
import dev.vz.testing.Background;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.queue.QueueKind;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a driver must not notice when the back end of its device goes and another comes. */
@Timeout(180)
class BackEndReplacedTest {

    private static final long HEADER = TestFrontEnd.BASE + 0x1000;
    private static final long STATUS = TestFrontEnd.BASE + 0x2000;

    @TempDir
    Path folder;
    private UnixAddress address;

    @BeforeEach
    void name() {
        address = UnixAddress.of(folder.resolve("vhost.sock"));
    }

    private VhostUserServer serve(BlockDevice disk) {
        return VhostUserServer.serve(new BlockFrontend(disk, "replaced"), address, VhostUserServer.Options.standard());
    }

    private static void flush(TestFrontEnd front, TestFrontEnd.Queue queue) {
        front.memory.writeInt(HEADER, 4);
        queue.submit(Buffer.readable(HEADER, 16), Buffer.writable(STATUS, 1));
    }

    private static boolean isSignalled(EventFd event) {
        var waiting = new PollSet(1);
        waiting.add(event.descriptor(), Readiness.IN);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (System.nanoTime() < end) {
            if (waiting.poll(TimeUnit.SECONDS.toNanos(1)) > 0) {
                return true;
            }
        }
        return false;
    }

    /** A disk that keeps requests until it is let go. */
    private static final class HeldDisk implements BlockDevice {
        final LinkedBlockingQueue<BlockRequest> held = new LinkedBlockingQueue<>();
        final CountDownLatch first = new CountDownLatch(1);

        @Override
        public BlockInfo info() {
            return MemoryBlockDevice.ofSize(1 << 20).info();
        }

        @Override
        public void submit(BlockRequest request) {
            held.add(request);
            first.countDown();
        }

        void letGo() {
            held.forEach(request -> request.complete(BlockResult.OK));
            held.clear();
        }

        @Override
        public void close() {
            letGo();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDriverIsInterruptedForWhatTheBackEndBeforeCouldNotTellAnyMore(QueueKind kind) throws InterruptedException {
        try (var server = serve(MemoryBlockDevice.ofSize(1 << 20)); var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(kind.features, 1L << 9);
            flush(front, queue);
            queue.await();
            int base = queue.stop();
            // The front end has taken its event away before the signal came: nobody has heard it.
            queue.call.take();
            queue.start(base);
            assertThat(isSignalled(queue.call)).as("the first thing that is heard of the next back end").isTrue();
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsGivenBackBeforeTheLineLeadsToTheDriverIsHeardWhenItDoes(QueueKind kind) throws InterruptedException {
        try (var server = serve(MemoryBlockDevice.ofSize(1 << 20));
                var front = new TestFrontEnd(address);
                var driver = EventFd.nonBlocking()) {
            // As QEMU does it: a line that leads nowhere until every queue has been started.
            TestFrontEnd.Queue queue = front.start(kind.features, 1L << 9);
            flush(front, queue);
            queue.await();
            front.send(Protocol.SET_VRING_CALL, 0L, driver.descriptor());
            assertThat(isSignalled(driver)).isTrue();
            assertThat(server.queueNumber()).isEqualTo(1);
        }
    }

    @Test
    void aBackEndThatEndsTellsOfItsLastRequestsBeforeItHangsUpAndLetsNobodyInMeanwhile() throws Exception {
        var disk = new HeldDisk();
        VhostUserServer server = serve(disk);
        try (var front = new TestFrontEnd(address)) {
            TestFrontEnd.Queue queue = front.start(QueueKind.SPLIT.features, 1L << 9);
            queue.call.take();
            flush(front, queue);
            assertThat(disk.first.await(60, TimeUnit.SECONDS)).isTrue();
            queue.call.take();
            CompletableFuture<Void> closing = Background.run(server::close);
            awaitRefusal();
            assertThat(closing).as("the disk still has a request").isNotDone();
            disk.letGo();
            assertThat(front.isCutOff()).isTrue();
            assertThat(queue.driver.complete()).isPresent();
            assertThat(queue.call.take()).as("was signalled before the end of the connection").isPositive();
            closing.get(60, TimeUnit.SECONDS);
        } finally {
            server.close();
        }
    }

    /** A front end that connects to a back end which is about to end would wait for answers that never come. */
    private void awaitRefusal() throws InterruptedException {
        int errno = 0;
        // Fewer than may wait to be accepted, or the last would wait for ever.
        for (int i = 0; i < 15 && errno != 111; i++) {
            Thread.sleep(50L * i * i);
            try {
                UnixSocket.connect(address, SocketType.STREAM, true).close();
            } catch (HostException refused) {
                errno = refused.errno();
            }
        }
        assertThat(errno).as("ECONNREFUSED").isEqualTo(111);
        assertThatExceptionOfType(HostException.class)
                .isThrownBy(() -> UnixSocket.connect(address, SocketType.STREAM, true));
    }

    @Test
    void aFrontEndThatDoesNotTakeItsAnswersIsNotWaitedForInTheEnd() throws Exception {
        VhostUserServer server = serve(MemoryBlockDevice.ofSize(1 << 20));
        try (var front = new TestFrontEnd(address)) {
            CompletableFuture<Void> asking = Background.run(() -> {
                try {
                    while (true) {
                        front.empty(Protocol.GET_FEATURES);
                    }
                } catch (HostException hungUp) {
                    assertThat(hungUp.errnoName()).isIn("EPIPE", "ECONNRESET");
                }
            });
            Thread.sleep(50);
            server.close();
            asking.get(60, TimeUnit.SECONDS);
        }
    }
}
