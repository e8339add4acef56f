package dev.vz.virtio.vhost;

import dev.vz.linux.event.EpollLoop;
import dev.vz.linux.event.EventFd;
import dev.vz.linux.event.Readiness;
import dev.vz.memory.GuestMemory;
import dev.vz.virtio.queue.QueueLayout;
import org.jspecify.annotations.Nullable;

/**
 * What the front end keeps of a queue that a back end works on: where it is, and the two eventfds between them, which outlive
 * the back end. All but {@link #kick} under the device's lock.
 */
final class QueueLine implements AutoCloseable {

    final EventFd kick = EventFd.nonBlocking();
    private final EventFd call = EventFd.nonBlocking();
    private volatile @Nullable Runnable interrupt;
    private @Nullable QueueLayout layout;
    private int base;

    /** Interrupts are passed on by {@code calls}. */
    QueueLine(EpollLoop calls) {
        calls.register(call.descriptor(), Readiness.IN, (registration, readiness) -> {
            call.take();
            interrupt();
        });
    }

    private void interrupt() {
        Runnable now = interrupt;
        if (now != null) {
            now.run();
        }
    }

    boolean isStarted() {
        return layout != null;
    }

    /** Has {@code link} work on queue {@code index}. */
    void start(BackEndLink link, int index, QueueLayout where, int from, Runnable onCall) {
        interrupt = onCall;
        link.start(index, where, from, kick, call);
        layout = where;
        base = from;
    }

    /**
     * Whether the next back end can tell from the ring how far the queue is: used.idx of a split one says it, if what was in
     * flight may be lost or is noted elsewhere.
     */
    boolean tells() {
        QueueLayout where = layout;
        return where == null || !where.features().packed();
    }

    /** Has {@code link}, a new back end, go on with queue {@code index} if it was started. */
    void goOn(BackEndLink link, int index, GuestMemory memory) {
        QueueLayout where = layout;
        if (where == null) {
            return;
        }
        link.start(index, where, where.features().packed() ? base : memory.readShort(where.deviceArea() + 2) & 0xFFFF,
                kick, call);
        // Whatever the one before was told, or would have told.
        kick.tryAdd(1);
        interrupt();
    }

    /** Nobody works on it any more; nobody is interrupted after this. */
    void forget(boolean lastCall) {
        // What was called for on the way is called for at once.
        if (lastCall && call.take() > 0) {
            interrupt();
        }
        interrupt = null;
        layout = null;
    }

    @Override
    public void close() {
        kick.close();
        call.close();
    }
}
