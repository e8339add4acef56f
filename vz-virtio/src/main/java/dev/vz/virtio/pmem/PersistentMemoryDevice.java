package dev.vz.virtio.pmem;

import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.error.VzException;
import dev.vz.memory.MemoryBlock;
import dev.vz.memory.MemoryRegion;
import dev.vz.virtio.device.ConfigSpace;
import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.device.VirtioDevice;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A range of the guest's memory that lasts (virtio 1.3, 5.19): the guest reads and writes it as memory, and asks on the one
 * queue for what it wrote to be made durable.
 *
 * <p>
 * The region belongs to the guest's memory, outside of what the firmware calls RAM, and lives as long as that. Writing back
 * may take as long as the host's disk does, so it is done by an executor; flushes that come while one is under way share
 * the next one.
 */
public final class PersistentMemoryDevice implements VirtioDevice<PersistentMemoryState> {

    /** The device's type. */
    public static final int TYPE = 27;

    /** VIRTIO_PMEM_REQ_TYPE_FLUSH (5.19.6). */
    static final int REQ_TYPE_FLUSH = 0;
    static final int OK = 0;
    static final int FAILED = -1;

    private static final Logger LOG = System.getLogger(PersistentMemoryDevice.class.getName());
    private static final int REQUEST = 4;
    private static final int RESPONSE = 4;
    private static final int QUEUE_SIZE = 64;

    private final MemoryRegion region;
    private final MemoryBlock.Durable block;
    private final Executor host;
    private final ConfigSpace config;
    private final Runnable work = this::writeBack;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition rested = lock.newCondition();
    private @Nullable FlushRequest idle;
    private @Nullable FlushRequest waiting;
    private @Nullable FlushRequest done;
    private @Nullable QueueBatch batch;
    private int made;
    /** Whether the executor has the work, or is about to. */
    private boolean working;

    /**
     * The device of {@code region}.
     *
     * @param region all of, or a part of, a {@link MemoryBlock.Durable}; Linux wants it to start and to end at a multiple
     *               of 2 MiB
     * @param host   runs what waits for the host's disk, one task at a time; used until the device is closed
     * @throws ConfigurationException if the region's memory cannot be made durable
     */
    public PersistentMemoryDevice(MemoryRegion region, Executor host) {
        if (!(region.block() instanceof MemoryBlock.Durable durable)) {
            throw new ConfigurationException("The " + region + " does not last: persistent memory is a mapped file, "
                    + "allocated with MemoryRequest.inFile");
        }
        this.region = region;
        this.block = durable;
        this.host = host;
        this.config = new ConfigSpace(ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(region.guestAddress()).putLong(region.size()).array());
    }

    @Override
    public int type() {
        return TYPE;
    }

    @Override
    public String name() {
        return "virtio-pmem";
    }

    @Override
    public long features() {
        return 0;
    }

    @Override
    public int queues() {
        return 1;
    }

    @Override
    public int queueSize(int index) {
        return QUEUE_SIZE;
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public void negotiated(long features) {
        // Nothing to agree on.
    }

    /** The range that lasts. */
    public MemoryRegion region() {
        return region;
    }

    // ------------------------------------------------------------------------------------------------- requests

    @Override
    public void process(QueueBatch queue) {
        giveBack(queue);
        for (FlushRequest request = take(queue); request != null; request = take(queue)) {
            if (!queue.next(request.chain)) {
                keep(request);
                break;
            }
            if (request.chain.readableBytes() < REQUEST || request.chain.writableBytes() < RESPONSE) {
                queue.fault("a request has " + request.chain.readableBytes() + " bytes to read and "
                        + request.chain.writableBytes() + " to write; 4 and 4 are needed (5.19.6)");
                keep(request);
                break;
            }
            request.reader.reset(request.chain);
            if ((int) request.reader.readLittleEndian(REQUEST) == REQ_TYPE_FLUSH) {
                begin(request);
            } else {
                request.ret = FAILED;
                answer(queue, request);
                keep(request);
            }
        }
        // An executor that works on the calling thread has finished by now.
        giveBack(queue);
    }

    @Override
    public void drain(QueueBatch queue) {
        lock.lock();
        try {
            while (working) {
                // The host still writes the guest's memory back: an interrupt cannot cut the wait short.
                rested.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
        giveBack(queue);
    }

    private static void answer(QueueBatch queue, FlushRequest request) {
        request.writer.reset(request.chain);
        request.writer.writeLittleEndian(RESPONSE, request.ret);
        queue.complete(request.chain, RESPONSE);
    }

    private void giveBack(QueueBatch queue) {
        FlushRequest request = completed();
        while (request != null) {
            FlushRequest following = request.next;
            answer(queue, request);
            keep(request);
            request = following;
        }
    }

    private @Nullable FlushRequest completed() {
        lock.lock();
        try {
            FlushRequest all = done;
            done = null;
            return all;
        } finally {
            lock.unlock();
        }
    }

    /** An idle request; {@code null} if as many are under way as the queue has entries. */
    private @Nullable FlushRequest take(QueueBatch queue) {
        lock.lock();
        try {
            batch = queue;
            FlushRequest request = idle;
            if (request != null) {
                idle = request.next;
                request.next = null;
                return request;
            }
            if (made == QUEUE_SIZE) {
                return null;
            }
            made++;
            return new FlushRequest();
        } finally {
            lock.unlock();
        }
    }

    private void keep(FlushRequest request) {
        lock.lock();
        try {
            request.next = idle;
            idle = request;
        } finally {
            lock.unlock();
        }
    }

    private void begin(FlushRequest request) {
        lock.lock();
        try {
            request.next = waiting;
            waiting = request;
            if (working) {
                return;
            }
            working = true;
        } finally {
            lock.unlock();
        }
        boolean accepted = false;
        try {
            host.execute(work);
            accepted = true;
        } finally {
            if (!accepted) {
                rest();
            }
        }
    }

    private void rest() {
        lock.lock();
        try {
            working = false;
            rested.signalAll();
        } finally {
            lock.unlock();
        }
    }

    // --------------------------------------------------------------------------------------- on the executor

    private void writeBack() {
        FlushRequest requests = nextRound();
        while (requests != null) {
            int ret = sync();
            QueueBatch queue = finish(requests, ret);
            if (queue != null) {
                queue.wake();
            }
            requests = nextRound();
        }
    }

    private int sync() {
        try {
            block.sync(region.blockOffset(), region.size());
            return OK;
        } catch (VzException failure) {
            LOG.log(Level.WARNING, "Persistent memory " + region + " cannot be made durable", failure);
            return FAILED;
        }
    }

    /** All that have come so far: what they want to be durable was written before. {@code null}, at rest: none. */
    private @Nullable FlushRequest nextRound() {
        lock.lock();
        try {
            FlushRequest all = waiting;
            waiting = null;
            if (all == null) {
                working = false;
                rested.signalAll();
            }
            return all;
        } finally {
            lock.unlock();
        }
    }

    private @Nullable QueueBatch finish(FlushRequest requests, int ret) {
        lock.lock();
        try {
            FlushRequest request = requests;
            while (request != null) {
                FlushRequest following = request.next;
                request.ret = ret;
                request.next = done;
                done = request;
                request = following;
            }
            return batch;
        } finally {
            lock.unlock();
        }
    }

    // --------------------------------------------------------------------------------------------------- state

    @Override
    public void reset() {
        // What the guest wrote stays, as memory that lasts should.
    }

    @Override
    public Class<PersistentMemoryState> stateType() {
        return PersistentMemoryState.class;
    }

    @Override
    public PersistentMemoryState save() {
        return new PersistentMemoryState(region.guestAddress(), region.size());
    }

    @Override
    public void restore(PersistentMemoryState state) {
        if (!state.equals(save())) {
            throw new FormatException(String.format("The saved persistent memory was %d bytes at 0x%x, this one is %s; "
                    + "build the machine as it was when it was saved", state.size(), state.start(), region));
        }
    }

    @Override
    public void close() {
        // The memory is its machine's.
    }

    @Override
    public String toString() {
        return name();
    }
}
