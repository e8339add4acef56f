package dev.vz.virtio.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockInfo;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockResult;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.memory.GuestMemory;
import dev.vz.testing.Background;
import dev.vz.virtio.block.BlockFrontend;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.queue.QueueKind;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A loop whose queues are worked on by whoever rings for them. */
@Timeout(120)
class EagerLoopTest {

    private static final int DEPTH = 8;
    /** With one more, of three descriptors each, the queue's sixteen are nearly full. */
    private static final int WAITING = 4;

    private static TestDriver driver(VirtioDevice<?> device, QueueKind kind) {
        return new TestDriver(_ -> device, GuestMemory.ofSize(4 << 20), kind.features, WorkerLoop.eager("eager"));
    }

    @ParameterizedTest
    @EnumSource
    void whoeverNotifiesFindsItsRequestDone(QueueKind kind) throws InterruptedException {
        try (TestDriver driver = driver(new EntropyDevice(new Random(1)), kind)) {
            // A thread that only begins looks once whether somebody has rung, and may be the one who works then.
            awaitRest();
            QueueDriver queue = driver.start(0);
            for (int i = 0; i < 1000; i++) {
                queue.submit(List.of(Buffer.writable(0x8000, 8)));
                driver.host.notifyQueue(0);
                assertThat(queue.complete()).as("request %d", i).isPresent();
            }
        }
    }

    /** Waits until the loop's thread sleeps. */
    private static void awaitRest() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().equals("eager") && thread.getState() == Thread.State.WAITING)) {
            assertThat(System.nanoTime()).as("the loop's thread sleeps").isLessThan(end);
            Thread.sleep(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsMoreThanTwoBatchesIsTheThreads(QueueKind kind) throws InterruptedException {
        try (TestDriver driver = driver(new EntropyDevice(new Random(1)), kind)) {
            driver.negotiate(driver.ringFeatures());
            QueueDriver queue = driver.enable(0, 256);
            driver.driverOk();
            for (int i = 0; i < 200; i++) {
                assertThat(queue.submit(List.of(Buffer.writable(0x8000, 8)))).isNotNegative();
            }
            driver.host.notifyQueue(0);
            for (int i = 0; i < 200; i++) {
                await(queue, i);
            }
        }
    }

    private static void await(QueueDriver queue, int number) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        for (int tries = 0; queue.complete().isEmpty(); tries++) {
            assertThat(System.nanoTime()).as("request %d is answered", number).isLessThan(end);
            if (tries > 1000) {
                Thread.sleep(1);
            }
        }
    }

    /** Answers on threads of its own. */
    private record Disk(ExecutorService threads) implements BlockDevice {
        @Override
        public BlockInfo info() {
            return MemoryBlockDevice.ofSize(1 << 20).info();
        }

        @Override
        public void submit(BlockRequest request) {
            threads.execute(() -> request.complete(BlockResult.OK));
        }

        @Override
        public void close() {
            threads.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void noRequestIsLostHoweverManyRingAndWhoeverPauses(QueueKind kind) throws Exception {
        var done = new AtomicBoolean();
        try (TestDriver driver = driver(new BlockFrontend(new Disk(Executors.newFixedThreadPool(2)), "s"), kind)) {
            QueueDriver queue = driver.start(0);
            CompletableFuture<Void> ringing = Background.run(() -> {
                while (!done.get()) {
                    driver.host.notifyQueue(0);
                    Thread.onSpinWait();
                }
            });
            CompletableFuture<Void> pausing = Background.run(() -> {
                while (!done.get()) {
                    driver.host.pause();
                    driver.host.resume();
                    Thread.yield();
                }
            });
            try {
                for (int i = 0; i < 2000; i++) {
                    long at = 0x8000 + 0x1000L * (i % DEPTH);
                    assertThat(queue.submit(List.of(Buffer.readable(at, 16), Buffer.writable(at + 0x200, 512),
                            Buffer.writable(at + 0x400, 1)))).isNotNegative();
                    driver.host.notifyQueue(0);
                    if (i >= WAITING) {
                        await(queue, i);
                    }
                }
            } finally {
                done.set(true);
            }
            ringing.get(60, TimeUnit.SECONDS);
            pausing.get(60, TimeUnit.SECONDS);
        }
    }
}
