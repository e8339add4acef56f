package dev.vz.machine.clock;

import dev.vz.machine.clock.TimerTable.Entry;
import java.util.concurrent.atomic.AtomicLong;

/** A clock that stands still until it is advanced: for tests, and for guests that shall run the same way every time. */
public final class ManualClock implements MachineClock {

    private final TimerTable table = new TimerTable(() -> {});
    private final AtomicLong now = new AtomicLong();
    private final AtomicLong epochAtZero;

    /** A clock that shows 0 nanoseconds, and {@code epochNanos} nanoseconds since 1970. */
    public ManualClock(long epochNanos) {
        epochAtZero = new AtomicLong(epochNanos);
    }

    @Override
    public long nanos() {
        return now.get();
    }

    @Override
    public long epochNanos() {
        return epochAtZero.get() + now.get();
    }

    @Override
    public Timer timer(Runnable onExpiry) {
        return table.add(onExpiry);
    }

    /**
     * Lets {@code nanos} pass. Every timer that becomes due runs on the calling thread, at its own deadline and in the
     * order of deadlines, also those that a timer arms meanwhile.
     */
    public void advance(long nanos) {
        long end = now.get() + nanos;
        while (true) {
            Entry due = table.takeDue(end);
            if (due == null) {
                break;
            }
            now.set(Math.max(now.get(), due.deadline()));
            due.run();
        }
        now.set(end);
    }

    @Override
    public void close() {
        table.disarmAll();
    }

    @Override
    public String toString() {
        return "manual clock";
    }
}
