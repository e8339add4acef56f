package dev.vz.schedule;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Machines share the processors by their shares, however many vCPUs each has; the vCPUs of one machine take turns.
 *
 * <p>
 * Each machine has a virtual time that advances by real time divided by its shares; the machine that is furthest behind
 * runs. One that slept does not hoard: it comes back at most one slice behind the others.
 */
public final class FairShareScheduler extends Accounting {

    private static final long SCALE = 1024;

    private final List<Entry> queue = new ArrayList<>();
    private final long slice;
    /** The virtual time of whoever ran last: where newcomers and sleepers join. */
    private long horizon;

    /** Turns of {@code slice} nanoseconds, 100 µs to 1 s. */
    public FairShareScheduler(long slice) {
        super(slice);
        this.slice = slice;
    }

    @Override
    void arrived(Machine machine, Iterable<Machine> all) {
        machine.virtualTime = horizon;
    }

    @Override
    void enqueue(Entry entry, long now) {
        boolean wasAsleep = queue.stream().noneMatch(e -> e.machine == entry.machine);
        if (wasAsleep) {
            entry.machine.virtualTime = Math.max(entry.machine.virtualTime, horizon - slice);
        }
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
        for (Entry entry : queue) {
            if (entry.machine.isThrottled(now)) {
                continue;
            }
            long ahead = best == null ? -1 : entry.machine.virtualTime - best.machine.virtualTime;
            if (best == null || ahead < 0 || ahead == 0 && entry.since < best.since) {
                best = entry;
            }
        }
        if (best != null) {
            horizon = Math.max(horizon, best.machine.virtualTime);
        }
        return best;
    }

    @Override
    void charge(Entry entry, long nanos) {
        entry.machine.virtualTime += nanos * SCALE / entry.machine.shares;
    }
}
