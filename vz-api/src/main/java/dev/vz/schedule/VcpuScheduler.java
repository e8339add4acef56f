package dev.vz.schedule;

import org.jspecify.annotations.Nullable;

/**
 * Decides which vCPU runs next on a host thread.
 *
 * <p>
 * A policy without a clock or thread of its own: whoever drives it passes the time in, in nanoseconds of a clock that
 * never goes back. Calls come from one thread at a time.
 */
public interface VcpuScheduler {

    /** {@code task} exists from now on, not ready. */
    void add(VcpuTask task, long now);

    /** {@code task} is no more. */
    void remove(VcpuTask task, long now);

    /** {@code task} has something to do. */
    void ready(VcpuTask task, long now);

    /** {@code task} waits for an event and does not want to run. */
    void blocked(VcpuTask task, long now);

    /**
     * Picks the ready task that host thread {@code worker} runs next; it counts as running until {@link #ran}.
     *
     * @return {@code null} if none is ready, or all that are have used up their limit
     */
    @Nullable
    Slice next(int worker, long now);

    /**
     * The slice that {@link #next} gave is over.
     *
     * @param nanos how long the task really ran
     * @param now   the time; the task is ready again unless {@link #blocked} follows
     */
    void ran(Slice slice, long nanos, long now);

    /** When a task that waits for its limit may run again; {@link Long#MAX_VALUE} if none does. */
    long nextWakeUp(long now);

    /** What has been measured of {@code task} so far. */
    Statistics statistics(VcpuTask task, long now);

    /**
     * A turn.
     *
     * @param task  who
     * @param nanos how long at the most
     */
    record Slice(VcpuTask task, long nanos) {}

    /**
     * Where a task's time went, in nanoseconds.
     *
     * @param running spent inside the guest
     * @param ready   spent waiting for a host thread
     * @param waiting spent without anything to do
     * @param slices  number of turns
     */
    record Statistics(long running, long ready, long waiting, long slices) {}
}
