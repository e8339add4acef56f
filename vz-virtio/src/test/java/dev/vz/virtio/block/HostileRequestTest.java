package dev.vz.virtio.block;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.block.MemoryBlockDevice;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.queue.QueueKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Whatever a driver submits, a device neither throws nor hangs, says when it needs a reset, and works after one. */
class HostileRequestTest {

    private static final int[] TYPES = {0, 1, 4, 8, 11, 13, 2, -1};

    @Property(tries = 400)
    void aDiskOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        outlives(new BlockFrontend(MemoryBlockDevice.ofSize(1 << 20), "x", 2), kind, new Random(seed));
    }

    @Property(tries = 100)
    void anEntropyDeviceOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        outlives(new EntropyDevice(new Random(seed)), kind, new Random(seed));
    }

    private static void outlives(VirtioDevice<?> device, QueueKind kind, Random random) {
        try (TestDriver driver = new TestDriver(device, kind.features)) {
            long features = device.features();
            for (int life = 0; life < 4; life++) {
                QueueDriver queue = driver.start(features);
                boolean noisy = false;
                for (int i = 0; i < 40; i++) {
                    header(driver, random);
                    driver.submit(0, queue, buffers(random));
                    if (random.nextInt(8) == 0) {
                        noise(driver, random);
                        noisy = true;
                        driver.host.notifyQueue(random.nextInt(4) - 1);
                        driver.run();
                    }
                    // A driver whose own rings are noise cannot tell any more what came back.
                    while (!noisy && queue.complete().isPresent()) {
                        assertThat(driver.queueInterrupts).isPositive();
                    }
                }
                driver.host.writeStatus(0);
                assertThat(driver.host.status()).isZero();
            }
            QueueDriver queue = driver.start(features);
            driver.memory.fill(0x1000, 16, (byte) 0);
            Buffer[] proper = device.type() == BlockFrontend.TYPE
                    ? new Buffer[] {Buffer.readable(0x1000, 16), Buffer.writable(0x2000, 513)}
                    : new Buffer[] {Buffer.writable(0x2000, 16)};
            driver.submit(0, queue, proper);
            assertThat(queue.complete()).as("a request that keeps the rules, after the reset").isPresent();
        }
    }

    private static void header(TestDriver driver, Random random) {
        driver.memory.writeInt(0x1000, TYPES[random.nextInt(TYPES.length)]);
        driver.memory.writeLong(0x1008, random.nextBoolean() ? random.nextInt(4096) : random.nextLong());
        driver.memory.writeLong(0x3000, random.nextBoolean() ? random.nextInt(4096) : random.nextLong());
        driver.memory.writeLong(0x3008, random.nextLong());
    }

    private static Buffer[] buffers(Random random) {
        List<Buffer> buffers = new ArrayList<>();
        if (random.nextInt(8) > 0) {
            buffers.add(Buffer.readable(0x1000, random.nextInt(8) > 0 ? 16 : random.nextInt(32)));
        }
        int more = random.nextInt(4);
        for (int i = 0; i < more; i++) {
            long address = random.nextInt(32) > 0 ? 0x3000 + random.nextInt(0x10000) : random.nextLong();
            int length = random.nextInt(4) > 0 ? 512 * random.nextInt(8) : random.nextInt(5000);
            buffers.add(random.nextBoolean() ? Buffer.readable(address, length) : Buffer.writable(address, length));
        }
        if (random.nextInt(8) > 0 || buffers.isEmpty()) {
            buffers.add(Buffer.writable(0x2000, 1 + random.nextInt(2)));
        }
        return buffers.toArray(Buffer[]::new);
    }

    /** Random bytes over the first pages of queue 0's rings. */
    private static void noise(TestDriver driver, Random random) {
        var bytes = new byte[1 + random.nextInt(64)];
        random.nextBytes(bytes);
        driver.memory.write((1 << 20) + random.nextInt(0x3000), bytes);
    }
}
