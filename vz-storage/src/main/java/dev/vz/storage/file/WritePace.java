package dev.vz.storage.file;

import java.util.function.LongSupplier;

/**
 * Whether the host takes a file's writes into its cache at once, by how long those before took. After one that it did not,
 * writes are better left to somebody who may wait, for ten times as long as it took and a second at the most: whoever asks
 * then loses little of its time to a disk that is busy, and little more than that one write to a host that was. Any thread.
 */
final class WritePace {

    /** Nanoseconds: a write that takes more than this, and one for each byte, has not gone into the host's cache alone. */
    static final long AT_ONCE = 1_000_000;
    private static final long TIMES = 10;
    private static final long LONGEST = 1_000_000_000;

    private final LongSupplier clock;
    /** By the clock: until then writes are not prompt. */
    private volatile long slowUntil;

    /** @param clock nanoseconds, as {@link System#nanoTime} */
    WritePace(LongSupplier clock) {
        this.clock = clock;
        slowUntil = clock.getAsLong();
    }

    /** Whether the next write is likely to be. */
    boolean isPrompt() {
        return clock.getAsLong() - slowUntil >= 0;
    }

    /** A write begins; the time, for {@link #written}. */
    long begin() {
        return clock.getAsLong();
    }

    /** The write of {@code bytes} bytes that began at {@code begun} is over. */
    void written(long begun, long bytes) {
        long end = clock.getAsLong();
        long took = end - begun;
        if (took > AT_ONCE + bytes) {
            slowUntil = end + Math.min(LONGEST, took * TIMES);
        }
    }
}
