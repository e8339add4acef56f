package dev.vz.virtio.vhost;

import dev.vz.linux.memory.LinuxMemoryAllocator;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import dev.vz.memory.MemoryRequest;
import dev.vz.virtio.device.DeviceHost;
import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.device.VirtioDevice;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueFeatures;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A driver of ours over a device in another process: requests are answered when they are, and waited for. */
final class RemoteDisk implements AutoCloseable {

    static final long HEADER = 0x1000;
    static final long STATUS = 0x2000;
    static final long DATA = 0x10000;
    static final int READ = 0;
    static final int WRITE = 1;
    static final int FLUSH = 4;

    final TestDriver driver;
    QueueDriver queue;

    RemoteDisk(Function<GuestMemory, VirtioDevice<?>> device, QueueFeatures kind) {
        driver = new TestDriver(device, memory(), kind);
        queue = begin();
    }

    /** 4 MiB that another process can map. */
    static GuestMemory memory() {
        return GuestMemory.of(
                MemoryRegion.of(0, new LinuxMemoryAllocator().allocate(MemoryRequest.of(4 << 20).inMemfd())));
    }

    /** Resets the device and brings it up. */
    QueueDriver begin() {
        driver.host.writeStatus(0);
        long rings = driver.ringFeatures() & ~DeviceHost.RING_RESET;
        if ((driver.host.offeredFeatures() & rings) != rings) {
            throw new AssertionError(String.format("0x%x is offered, 0x%x wanted", driver.host.offeredFeatures(),
                    rings));
        }
        // FLUSH, so that the order of requests is told.
        driver.negotiate(rings | driver.host.offeredFeatures() & 1L << 9);
        queue = driver.enable(0, 64);
        driver.driverOk();
        return queue;
    }

    /** Sends a request and waits for its status. */
    int request(int type, long sector, int bytes) throws InterruptedException {
        submit(type, sector, bytes);
        await();
        return driver.memory.readByte(STATUS);
    }

    /** Sends a request. */
    void submit(int type, long sector, int bytes) {
        driver.memory.writeInt(HEADER, type);
        driver.memory.writeInt(HEADER + 4, 0);
        driver.memory.writeLong(HEADER + 8, sector);
        driver.memory.writeByte(STATUS, (byte) 0xEE);
        Buffer header = Buffer.readable(HEADER, 16);
        Buffer status = Buffer.writable(STATUS, 1);
        queue.submit(bytes == 0 ? List.of(header, status)
                : List.of(header, new Buffer(DATA, bytes, type == READ), status));
        driver.host.notifyQueue(0);
    }

    QueueDriver.Completion await() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (System.nanoTime() < end) {
            driver.run();
            var done = queue.complete();
            if (done.isPresent()) {
                queue.interrupts(true);
                return done.get();
            }
            Thread.sleep(1);
        }
        throw new AssertionError("no completion in time; status " + driver.host.status());
    }

    @Override
    public void close() {
        driver.close();
    }
}
