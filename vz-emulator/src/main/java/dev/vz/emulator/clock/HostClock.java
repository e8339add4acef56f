package dev.vz.emulator.clock;

import dev.vz.error.LifecycleException;
import java.util.concurrent.locks.LockSupport;

/**
 * Follows the host's monotonic clock. One daemon thread runs the timers; it sleeps while none is armed.
 */
public final class HostClock implements MachineClock {

    private static final long LONGEST_SLEEP = 3_600_000_000_000L;

    private final TimerQueue timers = new TimerQueue(this::wake);
    private final Thread thread;
    /** Host time minus machine time while running. */
    private volatile long offset = System.nanoTime();
    /** Machine time while paused. */
    private volatile long stoppedAt;
    private volatile boolean paused;
    private volatile boolean closed;

    /** A running clock at zero, whose thread is called {@code name + "-clock"}. */
    public HostClock(String name) {
        thread = Thread.ofPlatform().name(name + "-clock").daemon().unstarted(this::loop);
        thread.start();
    }

    @Override
    public long nanos() {
        return paused ? stoppedAt : System.nanoTime() - offset;
    }

    @Override
    public Timer timer(Runnable action) {
        return timers.add(action);
    }

    private void wake() {
        LockSupport.unpark(thread);
    }

    private void loop() {
        while (!closed) {
            if (paused) {
                LockSupport.parkNanos(this, LONGEST_SLEEP);
                continue;
            }
            long now = nanos();
            if (timers.runOne(now)) {
                continue;
            }
            long wait = timers.earliest() - now;
            if (wait > 0) {
                LockSupport.parkNanos(this, Math.min(wait, LONGEST_SLEEP));
            }
        }
    }

    @Override
    public synchronized void pause() {
        if (!paused) {
            stoppedAt = System.nanoTime() - offset;
            paused = true;
        }
    }

    @Override
    public synchronized void resume() {
        if (paused) {
            offset = System.nanoTime() - stoppedAt;
            paused = false;
            wake();
        }
    }

    @Override
    public synchronized void set(long nanos) {
        if (!paused) {
            throw new LifecycleException("The machine's clock can be set only while it is paused");
        }
        stoppedAt = nanos;
    }

    @Override
    public void close() {
        closed = true;
        wake();
        if (Thread.currentThread() == thread) {
            return;
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException later) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
