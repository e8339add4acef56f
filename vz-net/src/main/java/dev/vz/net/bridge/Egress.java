package dev.vz.net.bridge;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.net.time.NetClock;

/**
 * The way out of a port. Frames go straight through while nobody else is sending and nothing waits; otherwise they wait in
 * a fair queue. Thread-safe: several ports send to one at the same time, one of them at a time does the work, and what the
 * receiver sends back meanwhile, on the same thread, waits as well instead of going in circles.
 */
final class Egress {

    /** How many batches one caller sends on behalf of others before it goes its way. */
    private static final int ROUNDS = 16;

    private final LinkPort link;
    private final NetClock clock;
    private final Runnable starved;
    private final FrameFitter fitter = new FrameFitter();
    private final TokenBucket bucket = new TokenBucket();
    private final int[] handles = new int[FrameBatch.CAPACITY];
    private final int[] tags = new int[FrameBatch.CAPACITY];
    private final FrameBatch waiting = new FrameBatch();
    private final FairQueue queue;
    // Guarded by this object's monitor, and the next four with it.
    private boolean sending;
    private boolean blocked;
    private long roomSignals;
    private long sent;
    private long sentBytes;
    private long full;
    private long down;

    /**
     * The way out to {@code link}.
     *
     * @param starved is run when something has to wait for time to pass
     */
    Egress(LinkPort link, int queueBytes, NetClock clock, Runnable starved) {
        this.starved = starved;
        this.link = link;
        this.clock = clock;
        queue = new FairQueue(queueBytes);
    }

    synchronized void setLimit(RateLimit limit) {
        bucket.setLimit(limit);
    }

    /** Sends {@code batch}, or lets it wait, or drops what does not fit. The frames are only borrowed. */
    void transmit(OutBatch batch) {
        boolean straight;
        synchronized (this) {
            if (!link.isUp()) {
                down += batch.frames.count();
                return;
            }
            straight = !sending && !blocked && !bucket.isLimited() && queue.isEmpty();
            if (!straight) {
                enqueue(batch, 0);
                if (sending || blocked) {
                    return;
                }
            }
            sending = true;
        }
        boolean done = false;
        try {
            if (straight) {
                sendDirect(batch);
            }
            drain();
            done = true;
        } finally {
            if (!done) {
                giveTurnBack();
            }
        }
    }

    /** A port that throws breaks its contract, but must not silence itself for ever. */
    private synchronized void giveTurnBack() {
        sending = false;
    }

    private void enqueue(OutBatch batch, int from) {
        for (int i = from; i < batch.frames.count(); i++) {
            if (!queue.add(batch.frames, i, batch.tags[i], batch.sources[i])) {
                full++;
            }
        }
    }

    private void sendDirect(OutBatch batch) {
        LinkFeatures features = link.features();
        FrameBatch frames = batch.frames;
        int count = frames.count();
        int next = sendWhileRoom(frames, batch.tags, count, features);
        if (next < count) {
            synchronized (this) {
                enqueue(batch, next);
            }
        }
    }

    /** Makes frames fit and sends them until the port takes no more. Returns the first that was not dealt with. */
    private int sendWhileRoom(FrameBatch frames, int[] wanted, int count, LinkFeatures features) {
        int next = 0;
        while (next < count) {
            fitter.clear();
            while (next < count && fitter.fit(frames, next, wanted[next], features)) {
                next++;
            }
            if (!sendReady()) {
                if (fitter.abandon()) {
                    // Some of its segments have left; TCP sends the others again.
                    next++;
                    synchronized (this) {
                        full++;
                    }
                }
                return next;
            }
        }
        return next;
    }

    private void giveBack(FrameBatch frames, int index, int tag) {
        if (!queue.giveBack(frames, index, tag)) {
            full++;
        }
    }

    /** Sends what is ready. What the port does not take waits. Whether it took everything. */
    private boolean sendReady() {
        FrameBatch ready = fitter.ready();
        int count = ready.count();
        if (count == 0) {
            return true;
        }
        long signals;
        synchronized (this) {
            signals = roomSignals;
        }
        int taken = Math.clamp(link.send(ready), 0, count);
        long bytes = 0;
        for (int i = 0; i < taken; i++) {
            bytes += ready.frameLength(i);
        }
        synchronized (this) {
            sent += taken;
            sentBytes += bytes;
            if (taken == count) {
                return true;
            }
            // Room that was announced since then counts.
            blocked = roomSignals == signals;
            for (int i = taken; i < count; i++) {
                giveBack(ready, i, OutBatch.KEEP);
            }
            return false;
        }
    }

    /** With the turn taken: sends what waits until nothing does, the port is full or the rate is used up. */
    private void drain() {
        for (int round = 0; round < ROUNDS; round++) {
            int count;
            synchronized (this) {
                count = blocked ? 0 : takeWaiting();
                if (count == 0) {
                    sending = false;
                    if (blocked || queue.isEmpty()) {
                        return;
                    }
                }
            }
            if (count == 0) {
                starved.run();
                return;
            }
            LinkFeatures features = link.features();
            int next = sendWhileRoom(waiting, tags, count, features);
            synchronized (this) {
                for (int i = next; i < count; i++) {
                    giveBack(waiting, i, tags[i]);
                }
                for (int i = 0; i < count; i++) {
                    queue.store().free(handles[i]);
                }
                waiting.clear();
            }
        }
        // A receiver that answers everything, or a loop of switches, would keep this thread for ever.
        giveTurnBack();
        starved.run();
    }

    private int takeWaiting() {
        waiting.clear();
        long now = bucket.isLimited() ? clock.nanos() : 0;
        int count = 0;
        while (count < FrameBatch.CAPACITY) {
            int length = queue.nextLength();
            if (length == 0 || !bucket.take(8L * length, now)) {
                break;
            }
            int handle = queue.take();
            handles[count] = handle;
            tags[count] = queue.takenTag();
            waiting.add(queue.store().segment(handle), queue.store().offset(handle), queue.store().length(handle));
            count++;
        }
        return count;
    }

    private void dropWaiting() {
        while (!queue.isEmpty()) {
            queue.store().free(queue.take());
            down++;
        }
    }

    /** The port has room again, or is worth another try, or is down for good. */
    void room() {
        synchronized (this) {
            roomSignals++;
            blocked = false;
            if (!sending && !link.isUp()) {
                dropWaiting();
            }
            if (sending || queue.isEmpty()) {
                return;
            }
            sending = true;
        }
        boolean done = false;
        try {
            drain();
            done = true;
        } finally {
            if (!done) {
                giveTurnBack();
            }
        }
    }

    /** Nanoseconds until what waits may be sent; {@link Long#MAX_VALUE} if nothing waits for time. */
    synchronized long nextDue(long now) {
        int length = blocked || sending ? 0 : queue.nextLength();
        return length == 0 ? Long.MAX_VALUE : bucket.wait(8L * length, now);
    }

    synchronized long sent() {
        return sent;
    }

    synchronized long sentBytes() {
        return sentBytes;
    }

    synchronized long full() {
        return full;
    }

    synchronized long down() {
        return down;
    }

    synchronized int queued() {
        return queue.frames();
    }
}
