package dev.vz.virtio.driver;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import java.util.List;
import java.util.Optional;

/** A driver of one queue. */
public interface QueueDriver {

    /** A request that the device has given back. */
    record Completion(int id, int written) {}

    /** What the device is told at enable. */
    QueueLayout layout();

    /** Makes a request available; returns its id, or -1 if there is no room. */
    int submit(List<Buffer> buffers);

    /** The same through an indirect table at {@code table}. */
    int submitIndirect(long table, List<Buffer> buffers);

    /** The next request that the device has given back. */
    Optional<Completion> complete();

    /** Whether the device wants to be notified of what was submitted since the last question. */
    boolean shouldNotify();

    /** Asks for an interrupt at the next completion, or for none. */
    void interrupts(boolean wanted);

    /** A driver of the kind that {@code features} says, whose rings start at {@code base}. */
    static QueueDriver of(GuestMemory memory, long base, int size, QueueFeatures features) {
        return features.packed() ? new PackedDriver(memory, base, size, features)
                : new SplitDriver(memory, base, size, features);
    }
}
