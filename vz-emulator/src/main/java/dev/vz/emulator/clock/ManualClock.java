package dev.vz.emulator.clock;

/** A clock that moves only when told to: timers are tested without sleeping. */
public final class ManualClock implements MachineClock {

    private final TimerQueue timers = new TimerQueue(() -> {});
    private volatile long now;
    private volatile boolean paused;
    private volatile boolean closed;

    /** A clock at zero. */
    public ManualClock() {}

    @Override
    public long nanos() {
        return now;
    }

    @Override
    public Timer timer(Runnable action) {
        return timers.add(action);
    }

    /** Moves on by {@code nanos}, running what falls due on the way, each action at its own time. */
    public void advance(long nanos) {
        if (paused || closed) {
            return;
        }
        long target = now + nanos;
        while (true) {
            long next = timers.earliest();
            if (next > target) {
                break;
            }
            now = Math.max(now, next);
            timers.runOne(now);
        }
        now = target;
    }

    @Override
    public void pause() {
        paused = true;
    }

    @Override
    public void resume() {
        paused = false;
    }

    @Override
    public void set(long nanos) {
        now = nanos;
    }

    @Override
    public void close() {
        closed = true;
    }
}
