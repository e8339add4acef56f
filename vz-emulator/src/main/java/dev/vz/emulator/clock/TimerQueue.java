package dev.vz.emulator.clock;

import java.util.ArrayList;
import java.util.List;

/**
 * The timers of a clock. A machine has a handful of them (one a vCPU, three PIT channels), so the earliest is found by
 * looking at all; arming is a store.
 */
final class TimerQueue {

    private static final long NEVER = Long.MAX_VALUE;

    private final Object lock = new Object();
    private final List<Entry> entries = new ArrayList<>();
    private final Runnable changed;

    /** A queue that calls {@code changed} when the earliest deadline may have moved forward. */
    TimerQueue(Runnable changed) {
        this.changed = changed;
    }

    MachineClock.Timer add(Runnable action) {
        var entry = new Entry(action);
        synchronized (lock) {
            entries.add(entry);
        }
        return entry;
    }

    /** The earliest deadline, {@link Long#MAX_VALUE} for none. */
    long earliest() {
        synchronized (lock) {
            long earliest = NEVER;
            for (int i = 0; i < entries.size(); i++) {
                earliest = Math.min(earliest, entries.get(i).deadline);
            }
            return earliest;
        }
    }

    /** Runs the action of the timer whose deadline is the earliest, if it is not after {@code now}. */
    boolean runOne(long now) {
        Entry due = null;
        synchronized (lock) {
            long earliest = NEVER;
            for (int i = 0; i < entries.size(); i++) {
                Entry entry = entries.get(i);
                if (entry.deadline <= now && entry.deadline < earliest) {
                    due = entry;
                    earliest = entry.deadline;
                }
            }
            if (due == null) {
                return false;
            }
            due.deadline = NEVER;
        }
        due.action.run();
        return true;
    }

    private final class Entry implements MachineClock.Timer {
        private final Runnable action;
        private long deadline = NEVER;

        Entry(Runnable action) {
            this.action = action;
        }

        @Override
        public void arm(long deadline) {
            boolean sooner;
            synchronized (lock) {
                sooner = deadline < this.deadline;
                this.deadline = deadline;
            }
            if (sooner) {
                changed.run();
            }
        }

        @Override
        public void disarm() {
            synchronized (lock) {
                deadline = NEVER;
            }
        }
    }

    @Override
    public String toString() {
        return "timers, earliest at " + earliest();
    }
}
