package dev.vz.virtio.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.testing.Allocations;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * In steady state a device allocates nothing for a request, whatever the ring.
 */
@Timeout(240)
@Tag("allocation")
class DeviceAllocationTest {

    private static final int REQUESTS = 16;
    private static final int ROUNDS = 3000;
    private static final long HEADER = 0x1000;
    private static final long STATUS = 0x2000;

    /**
     * Fewest bytes that the device allocates for a request over some time, until they are {@code enough}: the compiler comes
     * late on a busy host.
     */
    private static double bytesPerRequest(TestDriver driver, QueueDriver queue, int index, double enough,
            Runnable submit, Runnable work) {
        double least = Double.MAX_VALUE;
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (least >= enough && System.nanoTime() < end) {
            long bytes = 0;
            for (int round = 0; round < ROUNDS; round++) {
                for (int i = 0; i < REQUESTS; i++) {
                    submit.run();
                }
                long before = Allocations.current();
                driver.host.notifyQueue(index);
                work.run();
                bytes += Allocations.current() - before;
                int done = 0;
                while (queue.complete().isPresent()) {
                    done++;
                }
                if (done != REQUESTS) {
                    throw new AssertionError(done + " of " + REQUESTS + " requests came back");
                }
            }
            least = Math.min(least, (double) bytes / ROUNDS / REQUESTS);
        }
        return least < 0.5 ? 0 : least;
    }

    @ParameterizedTest
    @EnumSource
    void aDiskAllocatesNothing(QueueKind kind) {
        try (var driver = new TestDriver(new BlockFrontend(MemoryBlockDevice.ofSize(1 << 20), "x", 1),
                kind.features)) {
            QueueDriver queue = begin(driver, 0, 0);
            List<Buffer> request = List.of(Buffer.readable(HEADER, 16), Buffer.writable(0x4000, 4096),
                    Buffer.writable(STATUS, 1));
            assertThat(bytesPerRequest(driver, queue, 0, 0.5, () -> queue.submit(request), driver::run)).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCardThatSendsAllocatesNothing(QueueKind kind) {
        try (var cable = new LinkPair("cable", LinkFeatures.all());
                var driver = new TestDriver(new NetworkCard(cable.a(), new byte[6], 1), kind.features)) {
            QueueDriver queue = begin(driver, 1, 0);
            List<Buffer> frame = List.of(Buffer.readable(0x4000, 12 + 60));
            assertThat(bytesPerRequest(driver, queue, 1, 0.5, () -> queue.submit(frame), driver::run)).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCardThatReceivesAllocatesNothing(QueueKind kind) {
        try (var cable = new LinkPair("cable", LinkFeatures.all());
                var driver = new TestDriver(new NetworkCard(cable.a(), new byte[6], 1), kind.features)) {
            QueueDriver queue = begin(driver, 0, 0);
            List<Buffer> room = List.of(Buffer.writable(0x4000, 2048));
            var batch = new FrameBatch();
            // To every station: what the card's filter lets through.
            var frame = new byte[12 + 60];
            Arrays.fill(frame, 12, 18, (byte) 0xFF);
            for (int i = 0; i < REQUESTS; i++) {
                batch.add(MemorySegment.ofArray(frame), 0, frame.length);
            }
            driver.run();
            assertThat(bytesPerRequest(driver, queue, 0, 0.5, () -> queue.submit(room),
                    () -> cable.b().send(batch))).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSourceOfRandomnessAllocatesNothing(QueueKind kind) {
        try (var driver = new TestDriver(new EntropyDevice(new Random(1)), kind.features)) {
            QueueDriver queue = begin(driver, 0, 0);
            List<Buffer> room = List.of(Buffer.writable(0x4000, 64));
            assertThat(bytesPerRequest(driver, queue, 0, 0.5, () -> queue.submit(room), driver::run)).isZero();
        }
    }

    private static QueueDriver begin(TestDriver driver, int index, long features) {
        driver.negotiate(features | driver.ringFeatures());
        QueueDriver queue = driver.enable(index, 64);
        driver.driverOk();
        return queue;
    }
}
