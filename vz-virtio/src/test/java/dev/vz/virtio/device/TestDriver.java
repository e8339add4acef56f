package dev.vz.virtio.device;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A driver that brings a device up and talks to its queues, on a loop that the test drives by hand. */
public final class TestDriver implements AutoCloseable {

    /** Where the rings of queue 0 are; each queue has 64 KiB. Below are buffers. */
    private static final long RINGS = 1 << 20;

    /** 4 MiB of it. */
    public final GuestMemory memory;
    /** Drives every queue. */
    public final WorkerLoop loop;
    /** The device under test. */
    public final DeviceHost host;
    /** Queue interrupts so far. */
    public int queueInterrupts;
    /** Configuration interrupts so far. */
    public int configInterrupts;
    private final QueueFeatures kind;
    private final CountDownLatch queueInterrupted = new CountDownLatch(1);
    private final CountDownLatch configInterrupted = new CountDownLatch(1);

    /** A driver of {@code device} that has not done anything yet. */
    public TestDriver(VirtioDevice<?> device, QueueFeatures kind) {
        this(memory -> device, GuestMemory.ofSize(4 << 20), kind);
    }

    /** The same of a device that is made with the guest's memory: 4 MiB from 0 on, which the driver closes. */
    public TestDriver(Function<GuestMemory, VirtioDevice<?>> maker, GuestMemory memory, QueueFeatures kind) {
        this(maker, memory, kind, WorkerLoop.manual());
    }

    /** The same whose queues are driven by {@code loop}, which the driver closes. */
    public TestDriver(Function<GuestMemory, VirtioDevice<?>> maker, GuestMemory memory, QueueFeatures kind,
            WorkerLoop loop) {
        this.memory = memory;
        this.kind = kind;
        this.loop = loop;
        VirtioDevice<?> device = maker.apply(memory);
        host = new DeviceHost(device, memory, loop);
        host.connect(new InterruptSink() {
            @Override
            public void queue(int index) {
                queueInterrupts++;
                queueInterrupted.countDown();
            }

            @Override
            public void config() {
                configInterrupts++;
                configInterrupted.countDown();
            }
        });
    }

    /** Waits for the first queue interrupt, where another thread brings it: what it tells of can be seen before. */
    public boolean awaitQueueInterrupt() throws InterruptedException {
        return queueInterrupted.await(60, TimeUnit.SECONDS);
    }

    /** The same of the first configuration interrupt. */
    public boolean awaitConfigInterrupt() throws InterruptedException {
        return configInterrupted.await(60, TimeUnit.SECONDS);
    }

    /** The bits that this kind of queue needs. */
    public long ringFeatures() {
        return DeviceHost.VERSION_1 | DeviceHost.RING_RESET
                | (kind.indirect() ? 1L << QueueFeatures.INDIRECT_DESC : 0)
                | (kind.eventIdx() ? 1L << QueueFeatures.EVENT_IDX : 0)
                | (kind.packed() ? 1L << QueueFeatures.RING_PACKED : 0);
    }

    /** The steps of 3.1.1 up to FEATURES_OK; returns the status read back. */
    public int negotiate(long features) {
        host.writeStatus(DeviceHost.ACKNOWLEDGE);
        host.writeStatus(DeviceHost.ACKNOWLEDGE | DeviceHost.DRIVER);
        host.writeDriverFeatures(0, (int) features);
        host.writeDriverFeatures(1, (int) (features >>> 32));
        host.writeStatus(DeviceHost.ACKNOWLEDGE | DeviceHost.DRIVER | DeviceHost.FEATURES_OK);
        return host.status();
    }

    /** Sets queue {@code index} up and enables it. */
    public QueueDriver enable(int index, int size) {
        long base = RINGS + ((long) index << 16);
        memory.fill(base, 1 << 16, (byte) 0);
        QueueDriver driver = QueueDriver.of(memory, base, size, kind);
        QueueLayout layout = driver.layout();
        host.writeQueue(index, queue -> {
            queue.setSize(layout.size());
            queue.setDescriptorArea(layout.descriptorArea());
            queue.setDriverArea(layout.driverArea());
            queue.setDeviceArea(layout.deviceArea());
        });
        host.enableQueue(index);
        driver.interrupts(true);
        return driver;
    }

    /** The last step of 3.1.1. */
    public void driverOk() {
        host.writeStatus(host.status() | DeviceHost.DRIVER_OK);
        run();
    }

    /** All of it, with queue 0 of 16 entries. */
    public QueueDriver start(long features) {
        negotiate(features | ringFeatures());
        QueueDriver queue = enable(0, 16);
        driverOk();
        return queue;
    }

    /** Submits, notifies and lets the device work until it rests. */
    public void submit(int index, QueueDriver queue, Buffer... buffers) {
        queue.submit(List.of(buffers));
        host.notifyQueue(index);
        run();
    }

    /** Lets the device work until it rests. */
    public void run() {
        for (int rounds = 0; loop.runOnce(); rounds++) {
            if (rounds > 10_000) {
                throw new AssertionError("the device does not come to rest");
            }
        }
    }

    @Override
    public void close() {
        host.close();
        loop.close();
        memory.close();
    }
}
