package dev.vz.machine.clock;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The timers of one clock, searched linearly: a machine has about a dozen, and arming one must not allocate. Guarded by
 * its own monitor.
 */
final class TimerTable {

    private Entry[] entries = new Entry[0];
    private final Runnable onEarlier;

    /** {@code onEarlier} is called, with the table locked, whenever the earliest deadline may have moved forward. */
    TimerTable(Runnable onEarlier) {
        this.onEarlier = onEarlier;
    }

    synchronized MachineClock.Timer add(Runnable onExpiry) {
        var entry = new Entry(onExpiry);
        entries = Arrays.copyOf(entries, entries.length + 1);
        entries[entries.length - 1] = entry;
        return entry;
    }

    /** The armed timer with the earliest deadline. */
    synchronized @Nullable Entry earliest() {
        Entry first = null;
        for (Entry entry : entries) {
            // Deadlines are compared by difference: nanosecond clocks may start anywhere and wrap.
            if (entry.armed && (first == null || entry.deadline - first.deadline < 0)) {
                first = entry;
            }
        }
        return first;
    }

    /** Disarms and returns the earliest timer if it is due at {@code now}. */
    synchronized @Nullable Entry takeDue(long now) {
        Entry first = earliest();
        if (first == null || first.deadline - now > 0) {
            return null;
        }
        first.armed = false;
        return first;
    }

    synchronized void disarmAll() {
        for (Entry entry : entries) {
            entry.armed = false;
        }
    }

    final class Entry implements MachineClock.Timer {
        private final Runnable onExpiry;
        private boolean armed;
        private long deadline;

        private Entry(Runnable onExpiry) {
            this.onExpiry = onExpiry;
        }

        long deadline() {
            return deadline;
        }

        void run() {
            onExpiry.run();
        }

        @Override
        public void arm(long deadline) {
            synchronized (TimerTable.this) {
                boolean earlier = !armed || deadline - this.deadline < 0;
                this.deadline = deadline;
                armed = true;
                if (earlier) {
                    onEarlier.run();
                }
            }
        }

        @Override
        public void disarm() {
            synchronized (TimerTable.this) {
                armed = false;
            }
        }
    }
}
