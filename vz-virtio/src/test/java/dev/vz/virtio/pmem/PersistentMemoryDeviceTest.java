package dev.vz.virtio.pmem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.HostException;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Persistent memory (virtio 1.3, 5.19), with a block that notes when it is made durable. */
@Timeout(120)
class PersistentMemoryDeviceTest {

    private static final int BYTES = 4 << 20;
    private static final long START = 0x1_0000_0000L;

    private final Arena arena = Arena.ofShared();
    private final List<String> synced = new ArrayList<>();
    private final Deque<Runnable> later = new ArrayDeque<>();
    private boolean broken;
    private final MemoryRegion region = MemoryRegion.of(START, new NotingBlock(), 1 << 20, 2 << 20);
    private final PersistentMemoryDevice device = new PersistentMemoryDevice(region, later::add);

    private final class NotingBlock implements MemoryBlock.Durable {
        private final MemorySegment segment = arena.allocate(BYTES, 4096);

        @Override
        public MemorySegment segment() {
            return segment;
        }

        @Override
        public MemoryRequest request() {
            return MemoryRequest.of(BYTES);
        }

        @Override
        public void sync(long offset, long length) {
            synced.add(offset + "+" + length);
            if (broken) {
                throw new HostException("msync", "a file", new IllegalStateException("EIO"));
            }
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    @AfterEach
    void close() {
        arena.close();
    }

    private void work() {
        while (!later.isEmpty()) {
            later.remove().run();
        }
    }

    /** A request of {@code type} whose answer goes to {@code answer}. */
    private static void flush(TestDriver driver, QueueDriver queue, int type, long answer) {
        driver.memory.writeInt(0x2000, type);
        driver.memory.writeInt(answer, 0x5A5A_5A5A);
        driver.submit(0, queue, Buffer.readable(0x2000, 4), Buffer.writable(answer, 4));
    }

    @Test
    void theConfigurationSaysWhereItIs() {
        assertThat(device.config().read(0, 8)).isEqualTo(START);
        assertThat(device.config().read(8, 8)).isEqualTo(2 << 20);
        assertThat(device.config().size()).isEqualTo(16);
    }

    @ParameterizedTest
    @EnumSource
    void aFlushIsAnsweredWhenTheHostHasWrittenBack(QueueKind kind) {
        try (var driver = new TestDriver(device, kind.features)) {
            QueueDriver queue = driver.start(0);
            flush(driver, queue, 0, 0x3000);
            assertThat(queue.complete()).as("before the host has done it").isEmpty();
            work();
            driver.run();
            assertThat(queue.complete().orElseThrow().written()).isEqualTo(4);
            assertThat(driver.memory.readInt(0x3000)).isZero();
            assertThat(synced).containsExactly((1 << 20) + "+" + (2 << 20));
        }
    }

    @ParameterizedTest
    @EnumSource
    void flushesThatComeMeanwhileShareOneRound(QueueKind kind) {
        try (var driver = new TestDriver(device, kind.features)) {
            QueueDriver queue = driver.start(0);
            for (int i = 0; i < 5; i++) {
                flush(driver, queue, 0, 0x3000 + 4 * i);
            }
            work();
            driver.run();
            assertThat(synced).hasSize(1);
            for (int i = 0; i < 5; i++) {
                assertThat(queue.complete()).isPresent();
                assertThat(driver.memory.readInt(0x3000 + 4 * i)).isZero();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHostThatFailsIsToldOfAsMinusOne(QueueKind kind) {
        broken = true;
        try (var driver = new TestDriver(device, kind.features)) {
            QueueDriver queue = driver.start(0);
            flush(driver, queue, 0, 0x3000);
            work();
            driver.run();
            assertThat(queue.complete()).isPresent();
            assertThat(driver.memory.readInt(0x3000)).isEqualTo(-1);
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void anUnknownRequestFailsAtOnce(QueueKind kind) {
        try (var driver = new TestDriver(device, kind.features)) {
            QueueDriver queue = driver.start(0);
            flush(driver, queue, 7, 0x3000);
            assertThat(queue.complete()).isPresent();
            assertThat(driver.memory.readInt(0x3000)).isEqualTo(-1);
            assertThat(synced).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRequestWithoutRoomForItsAnswerNeedsAReset(QueueKind kind) {
        for (Buffer[] wrong : new Buffer[][] {{Buffer.readable(0x2000, 4)},
            {Buffer.readable(0x2000, 4), Buffer.writable(0x3000, 3)},
            {Buffer.readable(0x2000, 3), Buffer.writable(0x3000, 4)}, {Buffer.writable(0x3000, 8)}}) {
            var fresh = new PersistentMemoryDevice(region, Runnable::run);
            try (var driver = new TestDriver(fresh, kind.features)) {
                QueueDriver queue = driver.start(0);
                driver.submit(0, queue, wrong);
                assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isNotZero();
                driver.host.writeStatus(0);
                flush(driver, driver.start(0), 0, 0x3000);
                assertThat(driver.memory.readInt(0x3000)).as("after a reset").isZero();
            }
        }
    }

    @Test
    void moreFlushesThanTheQueueHasEntriesAreNeverUnderWay() {
        try (var driver = new TestDriver(device, QueueKind.SPLIT.features)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver queue = driver.enable(0, 64);
            driver.driverOk();
            for (int round = 0; round < 3; round++) {
                int submitted = 0;
                while (queue.submitIndirect(0x4000 + 64L * submitted,
                        List.of(Buffer.readable(0x2000, 4), Buffer.writable(0x3000, 4))) >= 0) {
                    submitted++;
                }
                driver.memory.writeInt(0x2000, 0);
                driver.host.notifyQueue(0);
                driver.run();
                work();
                driver.run();
                for (int i = 0; i < submitted; i++) {
                    assertThat(queue.complete()).isPresent();
                }
                assertThat(submitted).isEqualTo(64);
            }
        }
    }

    @Test
    void aPauseWaitsForTheHostAndAnswers() throws InterruptedException {
        var started = new java.util.concurrent.CountDownLatch(1);
        var slow = new PersistentMemoryDevice(region, task -> Thread.ofPlatform().start(() -> {
            try {
                started.await();
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
            }
            task.run();
        }));
        try (var driver = new TestDriver(slow, QueueKind.PACKED.features)) {
            QueueDriver queue = driver.start(0);
            flush(driver, queue, 0, 0x3000);
            Thread pause = Thread.ofPlatform().start(driver.host::pause);
            started.countDown();
            pause.join();
            assertThat(queue.complete()).isPresent();
            assertThat(driver.memory.readInt(0x3000)).isZero();
        }
    }

    @Test
    void itIsRestoredOnlyWhereItWas() {
        PersistentMemoryState state = device.save();
        device.restore(state);
        assertThatThrownBy(() -> device.restore(new PersistentMemoryState(START + 4096, 2 << 20)))
                .isInstanceOf(FormatException.class).hasMessageContaining("0x100001000");
        assertThatThrownBy(() -> device.restore(new PersistentMemoryState(START, 1 << 20)))
                .isInstanceOf(FormatException.class);
    }

    @Test
    void memoryThatDoesNotLastIsRefused() {
        var borrowed = MemoryRegion.borrowed(START, region.segment());
        assertThatThrownBy(() -> new PersistentMemoryDevice(borrowed, Runnable::run))
                .isInstanceOf(ConfigurationException.class).hasMessageContaining("inFile");
    }
}
