package dev.vz.virtio.balloon;

import dev.vz.virtio.device.QueueBatch;
import dev.vz.virtio.queue.ChainReader;
import dev.vz.virtio.queue.DescriptorChain;
import org.jspecify.annotations.Nullable;

/**
 * The statistics queue (virtio 1.3, 5.5.6.3). The driver gives one buffer with a report; the device keeps it, and gives it
 * back when it wants a new one. The host's side may be any thread.
 */
final class StatisticsQueue {

    /** A tag of 16 bits and a value of 64, packed. */
    private static final int ENTRY = 10;
    private static final int MOST_ENTRIES = 64;

    private final DescriptorChain held = new DescriptorChain();
    private final ChainReader reader = new ChainReader(held);
    private boolean holding;
    private volatile boolean wanted;
    private volatile @Nullable QueueBatch queue;
    private volatile GuestStatistics latest = GuestStatistics.NONE;

    GuestStatistics latest() {
        return latest;
    }

    void request() {
        QueueBatch batch = queue;
        if (batch != null) {
            wanted = true;
            batch.wake();
        }
    }

    void process(QueueBatch batch) {
        queue = batch;
        if (wanted && holding) {
            wanted = false;
            drain(batch);
        }
        if (!holding && batch.next(held)) {
            holding = true;
            reader.reset(held);
            if (held.writableBytes() > 0) {
                batch.fault("a report of statistics has " + held.writableBytes() + " bytes to write (5.5.6.3)");
                return;
            }
            var report = new GuestStatistics.Builder();
            for (int i = 0; i < MOST_ENTRIES && reader.remaining() >= ENTRY; i++) {
                report.put((int) reader.readLittleEndian(2), reader.readLittleEndian(8));
            }
            latest = report.build(latest.sequence() + 1);
        }
    }

    void drain(QueueBatch batch) {
        if (holding) {
            holding = false;
            batch.complete(held, 0);
        }
    }

    void reset() {
        holding = false;
        wanted = false;
        queue = null;
        latest = GuestStatistics.NONE;
    }
}
