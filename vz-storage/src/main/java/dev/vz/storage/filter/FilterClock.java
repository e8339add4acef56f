package dev.vz.storage.filter;

import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Time for filters that wait or measure. Thread-safe. */
public interface FilterClock {

    /** Nanoseconds since some moment; never goes back. */
    long nanoTime();

    /** Runs {@code task} when the clock shows {@code time} or later, on a thread of the clock's; it must not block. */
    void at(long time, Runnable task);

    /** The host's clock. */
    static FilterClock system() {
        return SystemClock.INSTANCE;
    }

    /** One thread for all filters, started when the first one waits. */
    final class SystemClock implements FilterClock {

        private static final SystemClock INSTANCE = new SystemClock();

        private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1,
                task -> Thread.ofPlatform().name("vz-filter-clock").daemon().unstarted(task));

        private SystemClock() {}

        @Override
        public long nanoTime() {
            return System.nanoTime();
        }

        @Override
        public void at(long time, Runnable task) {
            ScheduledFuture<?> _ = timer.schedule(() -> run(task), Math.max(time - System.nanoTime(), 0),
                    TimeUnit.NANOSECONDS);
        }

        private static void run(Runnable task) {
            try {
                task.run();
            } catch (RuntimeException failure) {
                // The future that would hold it is nobody's.
                System.getLogger(FilterClock.class.getName()).log(System.Logger.Level.ERROR,
                        "A filter's task failed", failure);
            }
        }
    }
}
