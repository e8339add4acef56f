package dev.vz.virtio.block;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueKind;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A million requests that break the block device's rules: each is answered, and none leaves anything behind. */
class HostileMillionTest {

    private static final long HEADER = 0x1000;
    private static final long STATUS = 0x2000;
    private static final int REQUESTS = 250_000;

    @ParameterizedTest
    @EnumSource
    void leavesTheHeapAsItWas(QueueKind kind) {
        try (var driver = new TestDriver(new BlockFrontend(MemoryBlockDevice.ofSize(1 << 20), "x", 1), kind.features)) {
            QueueDriver queue = driver.start(0);
            // Once round for whatever is made at the first use.
            hostile(driver, queue, 20_000);
            long kept = Long.MAX_VALUE;
            // What requests keep they keep every time; what other threads of the JVM do meanwhile comes once.
            for (int i = 0; i < 3 && kept >= 1 << 20; i++) {
                System.gc();
                long before = used();
                hostile(driver, queue, REQUESTS);
                System.gc();
                kept = used() - before;
            }
            assertThat(kept).as("bytes of the heap that %d requests keep", REQUESTS).isLessThan(1 << 20);
            assertThat(driver.host.status() & DeviceHost.NEEDS_RESET).isZero();
        }
    }

    private static long used() {
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static void hostile(TestDriver driver, QueueDriver queue, int requests) {
        // Sectors behind the end, sizes that are no sectors, types that do not exist, sums that overflow.
        long[] sectors = {1 << 11, -1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 55, 2047, 0};
        int[] lengths = {511, 513, 4096, 512};
        int[] types = {0, 1, 2, 3, 7, 11, 13, 14, 15, 0x7FFF_FFFF, -1};
        for (int i = 0; i < requests; i++) {
            driver.memory.writeInt(HEADER, types[i % types.length]);
            driver.memory.writeLong(HEADER + 8, sectors[i % sectors.length]);
            int length = lengths[i % lengths.length];
            boolean out = (i & 1) == 0;
            queue.submit(List.of(Buffer.readable(HEADER, 16), new Buffer(0x4000, length, !out),
                    Buffer.writable(STATUS, 1)));
            driver.host.notifyQueue(0);
            driver.loop.runOnce();
            assertAnswered(queue, i);
        }
    }

    private static void assertAnswered(QueueDriver queue, int number) {
        if (queue.complete().isEmpty()) {
            throw new AssertionError("request " + number + " is not answered");
        }
    }
}
