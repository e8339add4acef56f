package dev.vz.net.time;

import dev.vz.error.ConfigurationException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** A clock that stands still until it is turned: timeouts are tested without waiting. Any thread may turn it. */
public final class ManualClock implements NetClock {

    private final AtomicLong now = new AtomicLong();

    /** A clock that shows 0. */
    public ManualClock() {}

    @Override
    public long nanos() {
        return now.get();
    }

    /** Lets {@code nanos} pass. */
    public void advance(long nanos) {
        if (nanos < 0) {
            throw new ConfigurationException("Time does not go back: a clock was to be turned by " + nanos + " ns");
        }
        now.addAndGet(nanos);
    }

    /** Lets {@code duration} pass. */
    public void advance(Duration duration) {
        advance(duration.toNanos());
    }
}
