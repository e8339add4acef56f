package dev.vz.schedule;

import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The highest priority first; among equals, whoever waits longest. A task that waits gains one level for every aging
 * interval, so that none starves: it runs once it has caught up, and then starts from its own priority again.
 */
public final class PriorityScheduler extends Accounting {

    private final List<Entry> queue = new ArrayList<>();
    private final long aging;

    /**
     * Turns of {@code slice} nanoseconds.
     *
     * @param slice 100 µs to 1 s
     * @param aging nanoseconds of waiting that count as one level of priority
     */
    public PriorityScheduler(long slice, long aging) {
        super(slice);
        if (aging <= 0) {
            throw new ConfigurationException("The aging interval must be positive, got " + aging + " ns");
        }
        this.aging = aging;
    }

    @Override
    void enqueue(Entry entry, long now) {
        queue.add(entry);
    }

    @Override
    void dequeue(Entry entry) {
        queue.remove(entry);
    }

    @Override
    @Nullable
    Entry choose(long now) {
        Entry best = null;
        long bestLevel = 0;
        for (Entry entry : queue) {
            if (entry.machine.isThrottled(now)) {
                continue;
            }
            long level = entry.task.priority() + (now - entry.since) / aging;
            if (best == null || level > bestLevel || level == bestLevel && entry.since < best.since) {
                best = entry;
                bestLevel = level;
            }
        }
        return best;
    }

    @Override
    void charge(Entry entry, long nanos) {
        // Aging starts again when it is queued again.
    }
}
