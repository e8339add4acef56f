package dev.vz.schedule;

import dev.vz.schedule.VcpuScheduler.Slice;
import java.util.HashMap;
import java.util.Map;

/** Drives a scheduler in virtual time on some host threads, with tasks that always want to run or that sleep in between. */
final class Simulation {

    private final VcpuScheduler scheduler;
    private final Slice[] running;
    private final long[] until;
    private final Map<VcpuTask, long[]> sleepers = new HashMap<>();
    private final Map<VcpuTask, Long> wakeUps = new HashMap<>();
    private long now;

    Simulation(VcpuScheduler scheduler, int workers) {
        this.scheduler = scheduler;
        this.running = new Slice[workers];
        this.until = new long[workers];
    }

    /** Adds a task that always wants to run. */
    void busy(VcpuTask task) {
        scheduler.add(task, now);
        scheduler.ready(task, now);
    }

    /** Adds a task that runs {@code burst} nanoseconds and then sleeps {@code rest}. */
    void sleepy(VcpuTask task, long burst, long rest) {
        busy(task);
        sleepers.put(task, new long[] {burst, rest});
    }

    long now() {
        return now;
    }

    void run(long nanos) {
        long end = now + nanos;
        while (now < end) {
            dispatch();
            long next = end;
            for (int i = 0; i < running.length; i++) {
                if (running[i] != null) {
                    next = Math.min(next, until[i]);
                }
            }
            for (long wakeUp : wakeUps.values()) {
                next = Math.min(next, wakeUp);
            }
            next = Math.min(next, Math.max(now + 1, scheduler.nextWakeUp(now)));
            now = next;
            wakeUps.entrySet().removeIf(e -> {
                if (e.getValue() <= now) {
                    scheduler.ready(e.getKey(), now);
                    return true;
                }
                return false;
            });
            finish();
        }
    }

    private void dispatch() {
        for (int i = 0; i < running.length; i++) {
            if (running[i] == null) {
                running[i] = scheduler.next(i, now);
                if (running[i] != null) {
                    long[] habit = sleepers.get(running[i].task());
                    long length = habit == null ? running[i].nanos() : Math.min(habit[0], running[i].nanos());
                    until[i] = now + length;
                }
            }
        }
    }

    private void finish() {
        for (int i = 0; i < running.length; i++) {
            Slice slice = running[i];
            if (slice != null && until[i] <= now) {
                long[] habit = sleepers.get(slice.task());
                long ran = habit == null ? slice.nanos() : Math.min(habit[0], slice.nanos());
                scheduler.ran(slice, ran, now);
                if (habit != null) {
                    scheduler.blocked(slice.task(), now);
                    wakeUps.put(slice.task(), now + habit[1]);
                }
                running[i] = null;
            }
        }
    }
}
