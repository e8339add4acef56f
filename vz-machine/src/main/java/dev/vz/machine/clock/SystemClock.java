package dev.vz.machine.clock;

import dev.vz.machine.clock.TimerTable.Entry;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;

/** The host's clocks. Its one daemon thread is started by the first timer that is armed. */
public final class SystemClock implements MachineClock {

    private static final System.Logger LOG = System.getLogger(SystemClock.class.getName());

    private final String threadName;
    private final TimerTable table = new TimerTable(this::wake);
    private @Nullable Thread thread;
    private boolean closed;

    /** A clock whose thread bears {@code threadName}. */
    public SystemClock(String threadName) {
        this.threadName = threadName;
    }

    @Override
    public long nanos() {
        return System.nanoTime();
    }

    @Override
    public long epochNanos() {
        return System.currentTimeMillis() * 1_000_000;
    }

    @Override
    public Timer timer(Runnable onExpiry) {
        return table.add(onExpiry);
    }

    private void wake() {
        synchronized (table) {
            if (thread == null && !closed) {
                thread = Thread.ofPlatform().name(threadName).daemon().unstarted(this::serve);
                thread.start();
            }
            table.notifyAll();
        }
    }

    private void serve() {
        while (true) {
            Entry due;
            synchronized (table) {
                if (closed) {
                    return;
                }
                due = table.takeDue(nanos());
                if (due == null) {
                    try {
                        await(table.earliest());
                    } catch (InterruptedException stop) {
                        return;
                    }
                    continue;
                }
            }
            try {
                due.run();
            } catch (RuntimeException failure) {
                // One device's mistake must not stop the time of all others.
                LOG.log(Level.ERROR, "A timer of " + threadName + " failed", failure);
            }
        }
    }

    private void await(@Nullable Entry next) throws InterruptedException {
        if (next == null) {
            table.wait();
            return;
        }
        long left = next.deadline() - nanos();
        if (left > 0) {
            table.wait(left / 1_000_000, (int) (left % 1_000_000));
        }
    }

    @Override
    public void close() {
        Thread running;
        synchronized (table) {
            closed = true;
            table.disarmAll();
            table.notifyAll();
            running = thread;
        }
        if (running != null && running != Thread.currentThread()) {
            boolean interrupted = false;
            while (true) {
                try {
                    running.join();
                    break;
                } catch (InterruptedException again) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public String toString() {
        return threadName;
    }
}
