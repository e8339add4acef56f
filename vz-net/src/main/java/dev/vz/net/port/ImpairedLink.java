package dev.vz.net.port;

import dev.vz.link.FrameBatch;
import dev.vz.link.LinkFeatures;
import dev.vz.link.LinkPort;
import dev.vz.net.frame.FrameStore;
import dev.vz.net.time.NetClock;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A cable between two ports that delays, loses, doubles and reorders frames and has a rate, on a clock that a test can turn
 * and with a seed that repeats its accidents. Driven by hand: {@link #run} delivers what is due, on the caller's thread, and
 * says when to come again. Sending is thread-safe; {@link #run} is called by one thread at a time.
 */
public final class ImpairedLink implements AutoCloseable {

    /** What {@link #run} returns while nothing is under way. */
    public static final long IDLE = Long.MAX_VALUE;

    private final NetClock clock;
    private final End a;
    private final End b;
    private volatile @Nullable Runnable wake;

    /**
     * A cable.
     *
     * @param forward  what happens to frames from {@link #a} to {@link #b}
     * @param backward what happens to those from {@link #b} to {@link #a}
     * @param seed     makes the accidents the same each time
     */
    public ImpairedLink(String name, LinkFeatures features, Impairment forward, Impairment backward, NetClock clock,
            long seed) {
        this.clock = clock;
        var random = new SplittableRandom(seed);
        a = new End(name + "-a", features, forward, random.split());
        b = new End(name + "-b", features, backward, random.split());
        a.peer = b;
        b.peer = a;
    }

    /** One end. */
    public LinkPort a() {
        return a;
    }

    /** The other end. */
    public LinkPort b() {
        return b;
    }

    /** Changes what happens to frames that are sent from now on. */
    public void impair(Impairment forward, Impairment backward) {
        a.setImpairment(forward);
        b.setImpairment(backward);
    }

    /** Runs {@code wake} whenever a frame is sent, so that whoever calls {@link #run} can ask anew when it is due. */
    public void onSend(@Nullable Runnable wake) {
        this.wake = wake;
    }

    /** Frames that vanished on purpose. */
    public long lost() {
        return a.lost() + b.lost();
    }

    /** Frames that found no room. */
    public long dropped() {
        return a.dropped() + b.dropped();
    }

    /** Delivers every frame that is due. Returns nanoseconds until the next is, or {@link #IDLE}. */
    public long run() {
        return Math.min(a.run(), b.run());
    }

    @Override
    public void close() {
        a.close();
        b.close();
    }

    private final class End extends ReceivingPort {
        private static final int MOST_FRAMES = 1 << 16;

        private final SplittableRandom random;
        private Impairment impairment;
        private final FrameStore store;
        // Frames under way to the peer: a binary heap by time, then by order of sending.
        private long[] due = new long[64];
        private long[] order = new long[64];
        private int[] handles = new int[64];
        private int count;
        private long sequence;
        private long queued;
        private long lineFree;
        private long lastDue;
        private long lost;
        private long dropped;
        private @Nullable End peer;
        private final FrameBatch batch = new FrameBatch();
        private final int[] taken = new int[FrameBatch.CAPACITY];
        private volatile boolean closed;

        End(String name, LinkFeatures features, Impairment impairment, SplittableRandom random) {
            super(name, features);
            this.impairment = impairment;
            this.random = random;
            store = newStore(impairment);
        }

        private static FrameStore newStore(Impairment impairment) {
            // Small frames take whole slots, so the bytes alone would let too few of them wait.
            return new FrameStore(Math.clamp(impairment.queueBytes(), 1 << 20, 256 << 20) * 2L);
        }

        synchronized long lost() {
            return lost;
        }

        synchronized long dropped() {
            return dropped;
        }

        synchronized void setImpairment(Impairment changed) {
            impairment = changed;
        }

        @Override
        public int send(FrameBatch frames) {
            if (closed) {
                return 0;
            }
            synchronized (this) {
                for (int i = 0; i < frames.count(); i++) {
                    offer(frames, i);
                }
            }
            Runnable waiting = wake;
            if (waiting != null) {
                waiting.run();
            }
            return frames.count();
        }

        private void offer(FrameBatch frames, int index) {
            Impairment how = impairment;
            if (how.loss() > 0 && random.nextDouble() < how.loss()) {
                lost++;
                return;
            }
            int copies = how.duplicate() > 0 && random.nextDouble() < how.duplicate() ? 2 : 1;
            for (int i = 0; i < copies; i++) {
                enqueue(frames, index, how);
            }
        }

        private void enqueue(FrameBatch frames, int index, Impairment how) {
            int length = frames.frameLength(index);
            if (count == MOST_FRAMES || queued + length > how.queueBytes()) {
                dropped++;
                return;
            }
            long now = clock.nanos();
            long leaves = now;
            if (how.rate() > 0) {
                leaves = Math.max(now, lineFree) + length * 8_000_000_000L / how.rate();
                lineFree = leaves;
            }
            boolean overtakes = how.reorder() > 0 && random.nextDouble() < how.reorder();
            long arrives = leaves;
            if (!overtakes) {
                arrives += how.delay() + (how.jitter() > 0 ? random.nextLong(how.jitter() + 1) : 0);
                arrives = Math.max(arrives, lastDue);
                lastDue = arrives;
            }
            int handle = store.put(frames, index);
            if (handle < 0) {
                dropped++;
                return;
            }
            queued += length;
            push(arrives, handle);
        }

        /** Gives the peer what is due. Returns nanoseconds until the next frame is. */
        long run() {
            while (true) {
                synchronized (this) {
                    batch.clear();
                    long now = clock.nanos();
                    int frames = 0;
                    while (count > 0 && due[0] - now <= 0 && frames < FrameBatch.CAPACITY) {
                        int handle = pop();
                        batch.add(store.segment(handle), store.offset(handle), store.length(handle));
                        taken[frames++] = handle;
                    }
                    if (frames == 0) {
                        return count == 0 ? IDLE : due[0] - now;
                    }
                }
                // Not under the lock: the receiver may answer through this very link.
                End other = peer;
                int accepted = other == null || closed ? 0 : other.deliver(batch);
                synchronized (this) {
                    dropped += batch.count() - accepted;
                    for (int i = 0; i < batch.count(); i++) {
                        queued -= store.frameLength(taken[i]);
                        store.free(taken[i]);
                    }
                }
            }
        }

        private void push(long when, int handle) {
            if (count == due.length) {
                due = Arrays.copyOf(due, count * 2);
                order = Arrays.copyOf(order, count * 2);
                handles = Arrays.copyOf(handles, count * 2);
            }
            int at = count++;
            long number = sequence++;
            while (at > 0) {
                int parent = (at - 1) / 2;
                if (due[parent] <= when) {
                    break;
                }
                move(parent, at);
                at = parent;
            }
            due[at] = when;
            order[at] = number;
            handles[at] = handle;
        }

        private int pop() {
            int result = handles[0];
            int last = --count;
            int at = 0;
            while (true) {
                int child = 2 * at + 1;
                if (child >= last) {
                    break;
                }
                if (child + 1 < last && isBefore(child + 1, child)) {
                    child++;
                }
                if (!isBefore(child, last)) {
                    break;
                }
                move(child, at);
                at = child;
            }
            move(last, at);
            return result;
        }

        private boolean isBefore(int left, int right) {
            return due[left] < due[right] || due[left] == due[right] && order[left] < order[right];
        }

        private void move(int from, int to) {
            due[to] = due[from];
            order[to] = order[from];
            handles[to] = handles[from];
        }

        @Override
        public boolean isUp() {
            End other = peer;
            return !closed && other != null && !other.closed;
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                receive(null);
                End other = peer;
                if (other != null) {
                    other.changed();
                }
            }
        }

        @Override
        public String toString() {
            return name();
        }
    }
}
