package dev.vz.virtio.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.PackedDriver;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.driver.SplitDriver;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every rule of the queue that a driver can break: the device says which, and nothing is thrown. */
class HostileDriverTest {

    private static final int SIZE = 8;
    private final GuestMemory memory = GuestMemory.ofSize(1 << 20);
    private final DescriptorChain chain = new DescriptorChain();

    @AfterEach
    void close() {
        memory.close();
    }

    private SplitDriver split(QueueKind kind) {
        return new SplitDriver(memory, 0, SIZE, kind.features);
    }

    private void assertFault(Virtqueue queue, String words) {
        assertThat(queue.next(chain)).isFalse();
        assertThat(queue.fault()).contains(words);
        assertThat(queue.next(chain)).as("stays faulty").isFalse();
        assertThat(queue.enableNotifications()).isFalse();
        assertThat(queue.publish()).isFalse();
    }

    @Test
    void availIdxMoreThanTheQueueAhead() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.setAvailIdx(SIZE + 1);
        assertFault(queue, "avail.idx 9 is more than 8 ahead of 0");
    }

    @Test
    void availRingNamesADescriptorOutsideTheTable() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.offer(SIZE);
        assertFault(queue, "names descriptor 8 of 8");
    }

    @Test
    void aChainThatLoops() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.descriptor(0, 0x8000, 16, 1, 1);
        driver.descriptor(1, 0x8000, 16, 1, 0);
        driver.offer(0);
        assertFault(queue, "loops");
    }

    @Test
    void aNextOutsideTheTable() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.descriptor(0, 0x8000, 16, 1, 0xFFFF);
        driver.offer(0);
        assertFault(queue, "next 65535 of 8");
    }

    @ParameterizedTest
    @EnumSource
    void aReadableBufferAfterAWritableOne(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, SIZE, kind.features);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.submit(List.of(Buffer.writable(0x8000, 1), Buffer.readable(0x9000, 1)));
        assertFault(queue, "readable buffer 0x9000 after a writable one");
    }

    @ParameterizedTest
    @EnumSource
    void aBufferOutsideMemory(QueueKind kind) {
        for (long address : new long[] {1 << 20, -1, Long.MIN_VALUE, (1 << 20) - 10}) {
            memory.fill(0, 0x8000, (byte) 0);
            QueueDriver driver = QueueDriver.of(memory, 0, SIZE, kind.features);
            Virtqueue queue = Virtqueue.of(driver.layout(), memory);
            driver.submit(List.of(Buffer.writable(address, 11)));
            assertFault(queue, "is not guest memory");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aChainLongerThanFourGigabytes(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, SIZE, kind.features);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.submit(List.of(Buffer.readable(0x8000, -1)));
        assertThat(queue.next(chain)).isFalse();
        assertThat(queue.fault()).contains("is not guest memory");
    }

    @ParameterizedTest
    @EnumSource
    void anIndirectTableWithinAnIndirectTable(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, SIZE, kind.features);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.submitIndirect(0x8000, List.of(Buffer.readable(0x9000, 16)));
        memory.writeShort(kind.features.packed() ? 0x800E : 0x800C, (short) 4);
        assertFault(queue, "indirect descriptor within an indirect table");
    }

    @ParameterizedTest
    @EnumSource
    void anIndirectTableLongerThanAnyQueueOfTheDevice(QueueKind kind) {
        QueueDriver driver = QueueDriver.of(memory, 0, SIZE, kind.features);
        QueueLayout layout = driver.layout();
        Virtqueue queue = Virtqueue.of(new QueueLayout(SIZE, 2 * SIZE, layout.descriptorArea(), layout.driverArea(),
                layout.deviceArea(), layout.features()), memory);
        // Longer than the queue that the driver chose, as Linux makes them; never longer than what the device offered.
        driver.submitIndirect(0x8000, java.util.Collections.nCopies(2 * SIZE, Buffer.readable(0x9000, 16)));
        assertThat(queue.next(chain)).isTrue();
        assertThat(chain.readableBytes()).isEqualTo(2 * SIZE * 16);
        driver.submitIndirect(0x8000, java.util.Collections.nCopies(2 * SIZE + 1, Buffer.readable(0x9000, 16)));
        assertFault(queue, "indirect table of 17 entries; the device offered queues of 16");
    }

    @Test
    void anIndirectTableOfAnOddSize() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.descriptor(0, 0x8000, 24, 4, 0);
        driver.offer(0);
        assertFault(queue, "indirect table of 24 bytes");
    }

    @Test
    void anIndirectTableOfNoEntries() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.descriptor(0, 0x8000, 0, 4, 0);
        driver.offer(0);
        assertFault(queue, "indirect table of 0 bytes");
    }

    @Test
    void anIndirectDescriptorWithANext() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.descriptor(0, 0x8000, 16, 4 | 1, 1);
        driver.offer(0);
        assertFault(queue, "is indirect and has a next");
    }

    @Test
    void anIndirectTableThatLoops() {
        SplitDriver driver = split(QueueKind.SPLIT);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        driver.submitIndirect(0x8000, List.of(Buffer.readable(0x9000, 16), Buffer.readable(0x9000, 16)));
        memory.writeInt(0x801C, 1);
        assertFault(queue, "indirect table loops");
    }

    @Test
    void anIndirectDescriptorThatWasNotNegotiated() {
        for (boolean packed : new boolean[] {false, true}) {
            memory.fill(0, 0x8000, (byte) 0);
            var features = new QueueFeatures(false, false, packed, false, false);
            QueueDriver driver = QueueDriver.of(memory, 0, SIZE, features);
            Virtqueue queue = Virtqueue.of(driver.layout(), memory);
            driver.submitIndirect(0x8000, List.of(Buffer.readable(0x9000, 16)));
            assertFault(queue, "although the feature was not negotiated");
        }
    }

    @Test
    void aPackedChainLongerThanTheQueue() {
        var driver = new PackedDriver(memory, 0, SIZE, QueueKind.PACKED.features);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        for (int i = 0; i < SIZE; i++) {
            driver.slot(i, 0x8000, 16, 0);
            driver.available(i, true, 1);
        }
        assertFault(queue, "is longer than the queue");
    }

    @Test
    void ringsThatCannotBe() {
        var features = QueueKind.SPLIT.features;
        assertFault(Virtqueue.of(new QueueLayout(6, 256, 0, 0x1000, 0x2000, features), memory), "not a power of two");
        assertFault(Virtqueue.of(new QueueLayout(512, 256, 0, 0x1000, 0x2000, features), memory), "not between 1 and");
        assertFault(Virtqueue.of(new QueueLayout(0, 256, 0, 0x1000, 0x2000, features), memory), "not between 1 and");
        assertFault(Virtqueue.of(new QueueLayout(8, 256, 8, 0x1000, 0x2000, features), memory), "not aligned");
        assertFault(Virtqueue.of(new QueueLayout(8, 256, 0, 0x1001, 0x2000, features), memory), "not aligned");
        assertFault(Virtqueue.of(new QueueLayout(8, 256, 0, 0x1000, 0x2002, features), memory), "not aligned");
        assertFault(Virtqueue.of(new QueueLayout(8, 256, -16, 0x1000, 0x2000, features), memory), "not guest memory");
        assertFault(Virtqueue.of(new QueueLayout(8, 256, 0, 0x1000, 0xFFFF0, features), memory), "not guest memory");
    }

    @Property(tries = 2_000)
    void randomBytesInEveryRingNeitherThrowNorHang(@ForAll QueueKind kind, @ForAll long seed) {
        var random = new Random(seed);
        var noise = new byte[0x4000];
        random.nextBytes(noise);
        memory.write(0, noise);
        // Addresses that often hit memory, so that the walk gets further than its first step.
        for (int i = 0; i < 1024 && random.nextBoolean(); i++) {
            memory.writeLong(16L * random.nextInt(0x400), random.nextInt(1 << 20));
        }
        QueueDriver driver = QueueDriver.of(memory, 0, 1 << random.nextInt(8), kind.features);
        Virtqueue queue = Virtqueue.of(driver.layout(), memory);
        if (random.nextBoolean()) {
            queue.restore(new QueueState(random.nextInt(), random.nextInt(), random.nextInt(), random.nextBoolean()));
        }
        assertThatCode(() -> {
            for (int i = 0; i < 300 && queue.next(chain); i++) {
                var reader = new ChainReader(chain);
                reader.read(MemorySegment.ofArray(new byte[64]), 0, Math.min(64, reader.remaining()));
                var writer = new ChainWriter(chain);
                writer.writeLittleEndian(8, seed);
                queue.add(chain, (int) writer.written());
                queue.publish();
                queue.enableNotifications();
            }
        }).doesNotThrowAnyException();
    }
}
