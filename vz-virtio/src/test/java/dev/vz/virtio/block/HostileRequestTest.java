package dev.vz.virtio.block;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.display.Screen;
import dev.vz.virtio.fs.FileSystemDevice;
import dev.vz.virtio.fs.SharedFolder;
import dev.vz.virtio.gpu.GpuDevice;
import dev.vz.virtio.input.InputDevice;
import dev.vz.virtio.vsock.VsockConnection;
import dev.vz.virtio.vsock.VsockDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import dev.vz.block.MemoryBlockDevice;
import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPair;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryAllocator;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.balloon.BalloonDevice;
import dev.vz.virtio.console.ConsoleDevice;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.entropy.EntropyDevice;
import dev.vz.virtio.mem.PluggableMemoryDevice;
import dev.vz.virtio.net.NetworkCard;
import dev.vz.virtio.pmem.PersistentMemoryDevice;
import dev.vz.virtio.queue.QueueKind;
import dev.vz.virtio.scsi.ScsiDisk;
import dev.vz.virtio.scsi.ScsiHost;
import java.lang.foreign.MemorySegment;
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

    @Property(tries = 200)
    void aNetworkCardOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        try (var cable = new LinkPair("cable", LinkFeatures.all())) {
            everyQueueOutlives(new NetworkCard(cable.a(), new byte[6], 2), kind, new Random(seed), () -> {
                var batch = new FrameBatch();
                batch.add(MemorySegment.ofArray(new byte[2000]), 0, 12 + new Random(seed).nextInt(1900));
                cable.b().send(batch);
            });
        }
    }

    @Property(tries = 200)
    void aConsoleOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        var console = new ConsoleDevice("a", "b");
        everyQueueOutlives(console, kind, new Random(seed), () -> {
            console.ports().forEach(port -> port.write(new byte[100], 0, 100));
            console.console().resize(80, 25);
        });
    }

    @Property(tries = 200)
    void aBalloonOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        try (var memory = GuestMemory.ofSize(4 << 20)) {
            var balloon = new BalloonDevice(memory);
            everyQueueOutlives(balloon, kind, new Random(seed), () -> {
                balloon.requestStatistics();
                balloon.target(1 << 20);
            });
        }
    }

    @Property(tries = 150)
    void aSocketDeviceOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        var sockets = new VsockDevice(3);
        sockets.listen(0, VsockConnection::close);
        everyQueueOutlives(sockets, kind, new Random(seed), () -> sockets.unlisten(1));
    }

    @Property(tries = 150)
    void aKeyboardOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        InputDevice keyboard = InputDevice.keyboard();
        everyQueueOutlives(keyboard, kind, new Random(seed), () -> keyboard.key(30, true));
    }

    @Property(tries = 150)
    void aDisplayOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        try (var memory = GuestMemory.ofSize(4 << 20)) {
            var display = new GpuDevice(memory, new BlindScreen(), 640, 480);
            everyQueueOutlives(display, kind, new Random(seed), () -> display.resize(800, 600));
        }
    }

    @Property(tries = 150)
    void pluggableMemoryOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        try (var memory = GuestMemory.ofSize(1 << 20)) {
            var device = new PluggableMemoryDevice(memory.regions().getFirst(), 4096);
            var random = new Random(seed);
            everyQueueOutlives(device, kind, random, () -> {
                device.request(4096L * random.nextInt(257));
                assertThat(device.plugged()).isBetween(0L, 1L << 20);
            });
        }
    }

    @Property(tries = 100)
    void persistentMemoryOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) throws IOException {
        Path file = Files.createTempFile("vz-hostile", ".pmem");
        MemoryRequest request = MemoryRequest.of(1 << 20).inFile(file);
        try (var memory = GuestMemory.of(MemoryRegion.of(0, MemoryAllocator.preferred(request).allocate(request)))) {
            MemoryRegion region = memory.regions().getFirst();
            everyQueueOutlives(new PersistentMemoryDevice(region, Runnable::run), kind, new Random(seed),
                    () -> memory.writeInt(0, 1));
        } finally {
            Files.delete(file);
        }
    }

    @Property(tries = 150)
    void aScsiAdapterOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) {
        var adapter = new ScsiHost(List.of(new ScsiDisk(MemoryBlockDevice.ofSize(1 << 20), "x")), 2);
        var random = new Random(seed);
        // Commands begin behind 19 bytes; small ones make requests of random lengths pass for whole.
        everyQueueOutlives(adapter, kind, random, () -> {
            adapter.config().write(20, 4, random.nextInt(32));
            adapter.config().write(24, 4, 16);
        });
    }

    private static final class BlindScreen implements Screen {
        @Override
        public void resize(int width, int height) {
            assertThat(width).isPositive();
        }

        @Override
        public void update(MemorySegment pixels, int stride, Rectangle damage) {
            assertThat(damage.isEmpty()).isFalse();
        }

        @Override
        public void cursor(@Nullable Cursor shape) {
            assertThat(shape == null || shape.width() > 0).isTrue();
        }
    }

    @Property(tries = 100)
    void aSharedFolderOutlivesEveryRequest(@ForAll QueueKind kind, @ForAll long seed) throws IOException {
        Path folder = Files.createTempDirectory("vz-hostile");
        Path shared = Files.createDirectory(folder.resolve("shared"));
        Path witness = Files.writeString(folder.resolve("witness"), "untouched");
        try {
            everyQueueOutlives(new FileSystemDevice("share", SharedFolder.of(shared, false)), kind, new Random(seed),
                    () -> assertThat(witness).hasContent("untouched"));
        } finally {
            try (Stream<Path> all = Files.walk(folder)) {
                all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
            }
        }
    }

    /** Random requests on every queue, while the host's side does something of its own. */
    private static void everyQueueOutlives(VirtioDevice<?> device, QueueKind kind, Random random, Runnable host) {
        try (TestDriver driver = new TestDriver(device, kind.features)) {
            for (int life = 0; life < 3; life++) {
                long features = device.features() & (random.nextBoolean() ? -1 : random.nextLong());
                driver.negotiate((device.accepts(features) ? features : 0) | driver.ringFeatures());
                var queues = new ArrayList<QueueDriver>();
                for (int i = 0; i < device.queues(); i++) {
                    queues.add(driver.enable(i, 16));
                }
                driver.driverOk();
                boolean noisy = false;
                for (int i = 0; i < 40; i++) {
                    var header = new byte[32];
                    random.nextBytes(header);
                    for (int at = 0; at < header.length; at++) {
                        header[at] = random.nextInt(3) == 0 ? header[at] : (byte) (header[at] & 7);
                    }
                    driver.memory.write(0x1000, header);
                    int index = random.nextInt(queues.size());
                    driver.submit(index, queues.get(index), buffers(random));
                    host.run();
                    if (random.nextInt(16) == 0) {
                        noise(driver, random);
                        noisy = true;
                        driver.host.notifyQueue(index);
                    }
                    driver.run();
                    while (!noisy && queues.get(index).complete().isPresent()) {
                        assertThat(driver.host.status() & DeviceHost.DRIVER_OK).isNotZero();
                    }
                }
                driver.host.writeStatus(0);
                assertThat(driver.host.status()).isZero();
            }
        }
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
