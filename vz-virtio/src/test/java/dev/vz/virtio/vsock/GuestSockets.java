package dev.vz.virtio.vsock;

import dev.vz.virtio.device.TestDriver;
import dev.vz.virtio.driver.Buffer;
import dev.vz.virtio.driver.QueueDriver;
import dev.vz.virtio.queue.QueueFeatures;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A guest's driver of vsock that sends packets as a test says, and sees those that come. */
final class GuestSockets implements AutoCloseable {

    static final long CID = 7;
    static final int BUFFERS = 24;
    private static final long SEND = 0x2000;
    private static final long RECEIVE = 0x10000;

    /** A packet from the device. */
    record Seen(int op, int hostPort, int guestPort, int flags, int bufAlloc, int fwdCnt, byte[] data) {}

    final VsockDevice device;
    final TestDriver driver;
    final QueueDriver receive;
    final QueueDriver send;
    final QueueDriver event;
    private final ArrayDeque<Integer> posted = new ArrayDeque<>();
    private final java.util.Map<Integer, Integer> slotOf = new java.util.HashMap<>();

    GuestSockets(QueueFeatures kind) {
        device = new VsockDevice(CID);
        driver = new TestDriver(device, kind);
        driver.negotiate(driver.ringFeatures() | VsockDevice.STREAM);
        receive = driver.enable(0, 32);
        send = driver.enable(1, 32);
        event = driver.enable(2, 16);
        driver.driverOk();
        for (int i = 0; i < BUFFERS; i++) {
            post(i);
        }
    }

    private void post(int slot) {
        slotOf.put(receive.submit(List.of(Buffer.writable(RECEIVE + 0x1000L * slot, 0x1000))), slot);
        driver.host.notifyQueue(0);
        posted.add(slot);
    }

    void header(long src, long dst, int guestPort, int hostPort, int length, int type, int op, int flags, int alloc,
            int forwarded) {
        driver.memory.writeLong(SEND, src);
        driver.memory.writeLong(SEND + 8, dst);
        driver.memory.writeInt(SEND + 16, guestPort);
        driver.memory.writeInt(SEND + 20, hostPort);
        driver.memory.writeInt(SEND + 24, length);
        driver.memory.writeShort(SEND + 28, (short) type);
        driver.memory.writeShort(SEND + 30, (short) op);
        driver.memory.writeInt(SEND + 32, flags);
        driver.memory.writeInt(SEND + 36, alloc);
        driver.memory.writeInt(SEND + 40, forwarded);
    }

    void packet(int guestPort, int hostPort, int op, int flags, int alloc, int forwarded, byte... data) {
        header(CID, 2, guestPort, hostPort, data.length, 1, op, flags, alloc, forwarded);
        driver.memory.write(SEND + 44, data);
        submit(44 + data.length);
    }

    void submit(int length) {
        driver.submit(1, send, Buffer.readable(SEND, length));
        send.complete();
    }

    /** The next packet, which comes soon. */
    Seen next() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (System.nanoTime() < end) {
            driver.run();
            var done = receive.complete();
            if (done.isPresent()) {
                int slot = slotOf.get(done.get().id());
                long at = RECEIVE + 0x1000L * slot;
                int length = driver.memory.readInt(at + 24);
                var seen = new Seen(driver.memory.readShort(at + 30), driver.memory.readInt(at + 16),
                        driver.memory.readInt(at + 20), driver.memory.readInt(at + 32),
                        driver.memory.readInt(at + 36), driver.memory.readInt(at + 40),
                        driver.memory.read(at + 44, length));
                post(slot);
                return seen;
            }
            Thread.sleep(1);
        }
        throw new AssertionError("no packet in time");
    }

    /** Whether nothing comes, as far as the device has work now. */
    boolean isQuiet() {
        driver.run();
        return receive.complete().isEmpty();
    }

    @Override
    public void close() {
        driver.close();
    }
}
