package dev.vz.machine.watchdog;

import dev.vz.machine.clock.MachineClock;

/**
 * The down counter of the watchdog: 35 bits at 33 MHz, loaded twice for each period, once for each of its two stages. Guarded
 * by the watchdog.
 */
final class WatchdogTimer {

    /** A preload value has 20 bits. */
    static final int PRELOAD_MASK = 0xF_FFFF;
    static final int STOPPED = 0;
    private static final int MEGAHERTZ = 33;
    /** The preload's place in the counter: above the bits of the prescaler. */
    private static final int SLOW = 15;
    private static final int FAST = 5;
    /** A guest that wants the counter to run out all the time gets it once in a millisecond. */
    private static final long LEAST_NANOS = 1_000_000;

    private final MachineClock clock;
    private final MachineClock.Timer timer;
    /** 1 or 2; {@link #STOPPED}. */
    private int stage;
    private long deadline;
    /** While the machine is paused: what was left. */
    private long remaining;
    private boolean paused;

    WatchdogTimer(MachineClock clock, Runnable onExpiry) {
        this.clock = clock;
        this.timer = clock.timer(onExpiry);
    }

    static long nanos(int preload, boolean fast) {
        long ticks = (preload + 1L) << (fast ? FAST : SLOW);
        return Math.max(LEAST_NANOS, ticks * 1000 / MEGAHERTZ);
    }

    int stage() {
        return stage;
    }

    void load(int newStage, long nanos) {
        stage = newStage;
        remaining = nanos;
        if (!paused) {
            deadline = clock.nanos() + nanos;
            timer.arm(deadline);
        }
    }

    void stop() {
        stage = STOPPED;
        timer.disarm();
    }

    /** Whether it has run out; what was armed before may still ring. */
    boolean expired() {
        return stage != STOPPED && !paused && clock.nanos() >= deadline;
    }

    /** Nanoseconds until it runs out; 0 if it is stopped. */
    long remaining() {
        if (stage == STOPPED) {
            return 0;
        }
        return paused ? remaining : Math.max(0, deadline - clock.nanos());
    }

    void pause() {
        remaining = remaining();
        paused = true;
        timer.disarm();
    }

    void resume() {
        paused = false;
        if (stage != STOPPED) {
            load(stage, remaining);
        }
    }
}
