package dev.vz.virtio.console;

import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainWriter;
import dev.vz.virtio.queue.DescriptorChain;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Messages to the driver (virtio 1.3, 5.3.6.2), in order, waiting for its buffers. No more wait than a driver that keeps
 * the rules can need; one that asks again and again loses its own. Thread-safe.
 */
final class ControlMessages {

    static final int DEVICE_READY = 0;
    static final int PORT_ADD = 1;
    static final int PORT_READY = 3;
    static final int CONSOLE_PORT = 4;
    static final int RESIZE = 5;
    static final int PORT_OPEN = 6;
    static final int PORT_NAME = 7;

    static final int HEADER = 8;

    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<byte[]> waiting = new ArrayDeque<>();
    private final DescriptorChain chain = new DescriptorChain();
    private final ChainWriter writer = new ChainWriter(chain);
    private final int most;
    private volatile @Nullable QueueBatch queue;

    ControlMessages(int most) {
        this.most = most;
    }

    void post(int id, int event, int value, byte... more) {
        ByteBuffer message = ByteBuffer.allocate(HEADER + more.length).order(ByteOrder.LITTLE_ENDIAN);
        message.putInt(id).putShort((short) event).putShort((short) value).put(more);
        lock.lock();
        try {
            if (waiting.size() < most) {
                waiting.add(message.array());
            }
        } finally {
            lock.unlock();
        }
        QueueBatch to = queue;
        if (to != null) {
            to.wake();
        }
    }

    void process(QueueBatch batch) {
        queue = batch;
        lock.lock();
        try {
            while (!waiting.isEmpty() && batch.next(chain)) {
                byte[] message = waiting.removeFirst();
                writer.reset(chain);
                // A buffer that is too short gets what fits: the driver has been told how long messages are.
                writer.write(MemorySegment.ofArray(message), 0, Math.min(message.length, writer.remaining()));
                batch.complete(chain, (int) writer.written());
            }
        } finally {
            lock.unlock();
        }
    }

    void reset() {
        lock.lock();
        try {
            waiting.clear();
            queue = null;
        } finally {
            lock.unlock();
        }
    }

    List<byte[]> save() {
        lock.lock();
        try {
            return new ArrayList<>(waiting);
        } finally {
            lock.unlock();
        }
    }

    void restore(List<byte[]> messages) {
        lock.lock();
        try {
            waiting.clear();
            waiting.addAll(messages);
        } finally {
            lock.unlock();
        }
    }
}
