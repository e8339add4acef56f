package dev.vz.schedule;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** Everybody in turn, each for the same time: whoever became ready first runs first. */
public final class RoundRobinScheduler extends Accounting {

    private final ArrayDeque<Entry> queue = new ArrayDeque<>();

    /** Turns of {@code slice} nanoseconds, 100 µs to 1 s. */
    public RoundRobinScheduler(long slice) {
        super(slice);
    }

    @Override
    void enqueue(Entry entry, long now) {
        queue.addLast(entry);
    }

    @Override
    void dequeue(Entry entry) {
        queue.remove(entry);
    }

    @Override
    @Nullable
    Entry choose(long now) {
        for (Entry entry : queue) {
            if (!entry.machine.isThrottled(now)) {
                return entry;
            }
        }
        return null;
    }

    @Override
    void charge(Entry entry, long nanos) {
        // The order of the queue is the whole policy.
    }
}
