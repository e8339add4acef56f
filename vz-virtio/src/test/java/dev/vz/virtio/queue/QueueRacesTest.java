package dev.vz.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.driver.SplitDriver;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Driver and device at the same time: what the rules about order and about reading once are for. */
@Timeout(120)
class QueueRacesTest {

    private static final int REQUESTS = 100_000;
    private final GuestMemory memory = GuestMemory.ofSize(1 << 20);

    @AfterEach
    void close() {
        memory.close();
    }

    /** Each side sleeps when it has nothing to do, and is woken only as far as it asked for (2.7.7, 2.8.10). */
    @ParameterizedTest
    @EnumSource
    void noNotificationAndNoInterruptIsLost(QueueKind kind) throws InterruptedException {
        QueueDriver driver = QueueDriver.of(memory, 0, 16, kind.features);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        var kicks = new Semaphore(0);
        var interrupts = new Semaphore(0);
        var trouble = new AtomicReference<String>();
        Thread device = Thread.ofPlatform().daemon().start(() -> serve(queue, kicks, interrupts, trouble));
        int done = 0;
        for (int i = 0; i < REQUESTS; i++) {
            while (driver.submit(List.of(Buffer.writable(0x10000, 16))) < 0) {
                done += completed(driver, interrupts);
                assertThat(trouble.get()).isNull();
            }
            // What was made available must be visible before the device's wish is read (2.7.13.4.1).
            VarHandle.fullFence();
            if (driver.shouldNotify()) {
                kicks.release();
            }
        }
        while (done < REQUESTS) {
            done += completed(driver, interrupts);
            assertThat(trouble.get()).isNull();
        }
        assertThat(done).isEqualTo(REQUESTS);
        trouble.set("over");
        kicks.release();
        device.join();
    }

    private static int completed(QueueDriver driver, Semaphore interrupts) throws InterruptedException {
        if (driver.complete().isPresent()) {
            return 1;
        }
        driver.interrupts(true);
        VarHandle.fullFence();
        if (driver.complete().isPresent()) {
            return 1;
        }
        assertThat(interrupts.tryAcquire(60, TimeUnit.SECONDS)).as("an interrupt comes").isTrue();
        interrupts.drainPermits();
        return 0;
    }

    private static void serve(Virtqueue queue, Semaphore kicks, Semaphore interrupts, AtomicReference<String> trouble) {
        var chain = new DescriptorChain();
        try {
            while (trouble.get() == null) {
                queue.disableNotifications();
                while (queue.next(chain)) {
                    queue.add(chain, 1);
                    if (queue.publish()) {
                        interrupts.release();
                    }
                }
                if (queue.fault() != null) {
                    trouble.set(queue.fault());
                } else if (!queue.enableNotifications()) {
                    if (!kicks.tryAcquire(60, TimeUnit.SECONDS)) {
                        trouble.compareAndSet(null, "no notification comes");
                    }
                    kicks.drainPermits();
                }
            }
        } catch (InterruptedException | RuntimeException failure) {
            trouble.set(failure.toString());
        }
    }

    /** A driver that changes a descriptor while it is read gets what one reading of it says, never a mixture. */
    @Test
    void aDescriptorThatChangesWhileItIsReadIsReadOnce() throws InterruptedException {
        var driver = new SplitDriver(memory, 0, 8, QueueKind.SPLIT.features);
        driver.descriptor(0, 0x10000, 16, 0, 0);
        var over = new Semaphore(0);
        Thread flipper = Thread.ofPlatform().daemon().start(() -> {
            long at = driver.layout().descriptorArea();
            while (over.availablePermits() == 0) {
                memory.writeInt(at + 8, -1);
                memory.writeLong(at, 1L << 50);
                memory.writeShort(at + 12, (short) 5);
                memory.writeShort(at + 14, (short) 0x7FFF);
                memory.writeLong(at, 0x10000);
                memory.writeInt(at + 8, 16);
                memory.writeShort(at + 12, (short) 0);
                memory.writeShort(at + 14, (short) 0);
            }
        });
        var chain = new DescriptorChain();
        int taken = 0;
        int refused = 0;
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        int idx = 0;
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
        do {
            driver.offer(0);
            idx++;
            if (queue.next(chain)) {
                taken++;
                long sum = 0;
                for (int i = 0; i < chain.pieces(); i++) {
                    assertThat(chain.offset(i) + chain.length(i)).isLessThanOrEqualTo(memory.size());
                    sum += chain.length(i);
                }
                assertThat(chain.readableBytes()).isEqualTo(sum);
            } else {
                refused++;
                assertThat(queue.fault()).isNotNull();
                queue = Virtqueue.of(driver.layout(), memory);
                queue.resume(idx & 0xFFFF);
            }
        } while (System.nanoTime() < end);
        over.release();
        flipper.join();
        assertThat(taken + refused).isPositive();
    }

    /** The event may lie anywhere in what a batch passes over, not only at its end (2.7.7.2, 2.8.7.2). */
    @ParameterizedTest
    @EnumSource(names = {"SPLIT_EVENT_IDX", "PACKED_EVENT_IDX"})
    void anEventInTheMiddleOfABatchInterrupts(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, 8, kind.features);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        var chain = new DescriptorChain();
        for (int round = 0; round < 50; round++) {
            // Wanted at the first completion of the batch, which has five.
            driver.interrupts(true);
            assertThat(batchOf(5, driver, queue, chain)).as("round %d", round).isTrue();
            // Not wanted again before the driver has looked: the event is behind.
            assertThat(batchOf(2, driver, queue, chain)).as("round %d", round).isFalse();
            while (driver.complete().isPresent()) {
                assertThat(queue.fault()).isNull();
            }
        }
    }

    private static boolean batchOf(int count, QueueDriver driver, Virtqueue queue, DescriptorChain chain) {
        for (int i = 0; i < count; i++) {
            assertThat(driver.submit(List.of(Buffer.writable(0x10000, 16)))).isNotNegative();
        }
        while (queue.next(chain)) {
            queue.add(chain, 1);
        }
        return queue.publish();
    }
}
