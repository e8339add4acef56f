package dev.vz.schedule;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets vCPUs run in turns: no more of them at a time than there are workers, each for the slice that a policy gives it.
 *
 * <p>
 * Each vCPU keeps a host thread of its own, which asks for its turn before it enters the guest and gives it back when it
 * leaves. When a slice is over, one thread of this class kicks the vCPU out of the guest. Thread-safe; a task's calls come
 * from its own thread.
 */
public final class VcpuTurns implements AutoCloseable {

    private final VcpuScheduler policy;
    private final LongSupplier clock;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final @Nullable Turn[] workers;
    private final Map<VcpuTask, Turn> turns = new HashMap<>();
    private final Thread keeper;
    private boolean closed;

    /**
     * Turns on {@code workers} host threads at a time.
     *
     * @param policy decides; used by this alone
     */
    public VcpuTurns(VcpuScheduler policy, int workers) {
        this(policy, workers, System::nanoTime);
    }

    VcpuTurns(VcpuScheduler policy, int workers, LongSupplier clock) {
        if (workers < 1 || workers > 4096) {
            throw new ConfigurationException("vCPUs take turns on 1 to 4096 workers, got " + workers);
        }
        this.policy = policy;
        this.clock = clock;
        this.workers = new Turn[workers];
        keeper = Thread.ofPlatform().daemon().name("vz-vcpu-turns").start(this::keep);
    }

    /**
     * Takes part as {@code task}.
     *
     * @param kick makes the vCPU leave the guest soon; called on any thread, with a lock held: it must not wait
     */
    public Turn join(VcpuTask task, Runnable kick) {
        lock.lock();
        try {
            if (closed) {
                throw new LifecycleException("vCPU " + task.vcpu() + " of " + task.machine()
                        + " cannot be scheduled: the scheduler is closed");
            }
            policy.add(task, clock.getAsLong());
            var turn = new Turn(task, kick);
            turns.put(task, turn);
            return turn;
        } finally {
            lock.unlock();
        }
    }

    /** Where the time of {@code task} went so far. */
    public VcpuScheduler.Statistics statistics(VcpuTask task) {
        lock.lock();
        try {
            return policy.statistics(task, clock.getAsLong());
        } finally {
            lock.unlock();
        }
    }

    /** Gives free workers to whoever is ready. The lock is held. */
    private void dispatch(long now) {
        boolean any = false;
        for (int i = 0; i < workers.length; i++) {
            if (workers[i] == null) {
                VcpuScheduler.Slice slice = policy.next(i, now);
                if (slice == null) {
                    break;
                }
                Turn turn = turns.get(slice.task());
                if (turn == null) {
                    throw new LifecycleException("The policy chose " + slice.task() + ", which takes no part");
                }
                turn.grant(slice, i, now);
                workers[i] = turn;
                any = true;
            }
        }
        if (any || policy.nextWakeUp(now) != Long.MAX_VALUE) {
            changed.signal(); // the keeper has a slice to end, or a limit's period to wait for
        }
    }

    /** Ends slices, and begins those that had to wait for their limit. */
    private void keep() {
        lock.lock();
        try {
            while (!closed) {
                long now = clock.getAsLong();
                dispatch(now);
                long next = policy.nextWakeUp(now);
                for (Turn turn : workers) {
                    if (turn != null && !turn.kicked) {
                        if (turn.end - now <= 0) {
                            turn.kicked = true;
                            turn.kick.run();
                        } else {
                            next = Math.min(next, turn.end);
                        }
                    }
                }
                if (next == Long.MAX_VALUE) {
                    changed.awaitUninterruptibly();
                } else {
                    waitFor(next - now);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("WaitNotInLoop") // the caller looks again, in a loop
    private void waitFor(long nanos) {
        try {
            long _ = changed.awaitNanos(Math.max(nanos, 1_000));
        } catch (InterruptedException ignored) {
            // Nobody has a reason to interrupt this thread; the loop looks at the time again.
        }
    }

    /** Lets everybody run whenever they like, and ends. The tasks may still leave. Idempotent. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
            turns.values().forEach(turn -> turn.granted.signalAll());
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        while (keeper.isAlive() && Thread.currentThread() != keeper) {
            try {
                keeper.join();
            } catch (InterruptedException again) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** One vCPU's part. Its thread calls {@link #begin}, and then {@link #again} or {@link #end}. */
    public final class Turn implements AutoCloseable {

        private final VcpuTask task;
        private final Runnable kick;
        private final Condition granted = lock.newCondition();
        private VcpuScheduler.@Nullable Slice slice;
        private int worker;
        private long began;
        private long end;
        private boolean kicked;
        /** Whether it wants to run, or does. */
        private boolean ready;
        private boolean left;
        private long most = Long.MAX_VALUE;

        private Turn(VcpuTask task, Runnable kick) {
            this.task = task;
            this.kick = kick;
        }

        /** As whom. */
        public VcpuTask task() {
            return task;
        }

        private void grant(VcpuScheduler.Slice next, int onWorker, long now) {
            slice = next;
            worker = onWorker;
            began = now;
            end = now + Math.min(next.nanos(), most);
            kicked = false;
            granted.signalAll();
        }

        /** Waits until it is this vCPU's turn. Returns at once if it is already, or the scheduler is closed. */
        public void begin() {
            begin(Long.MAX_VALUE);
        }

        /** The same for a slice of {@code nanos} at the most, for a vCPU that only has to be looked after. */
        public void begin(long nanos) {
            lock.lock();
            try {
                most = nanos;
                if (slice == null && !ready && !closed && !left) {
                    long now = clock.getAsLong();
                    ready = true;
                    policy.ready(task, now);
                    dispatch(now);
                }
                while (slice == null && !closed && !left) {
                    granted.awaitUninterruptibly();
                }
            } finally {
                lock.unlock();
            }
        }

        /**
         * The vCPU was kicked and wants to go on: its next turn may come at once. {@link #begin} or {@link #end} must follow
         * soon.
         */
        public void again() {
            lock.lock();
            try {
                if (slice != null) {
                    long now = clock.getAsLong();
                    release(now);
                    dispatch(now);
                }
            } finally {
                lock.unlock();
            }
        }

        /** Gives the turn back, or no longer waits for one: the vCPU has nothing to do. */
        public void end() {
            lock.lock();
            try {
                if (ready) {
                    long now = clock.getAsLong();
                    if (slice != null) {
                        release(now);
                    }
                    ready = false;
                    policy.blocked(task, now);
                    dispatch(now);
                }
            } finally {
                lock.unlock();
            }
        }

        /** Ends the slice; the task is ready for another one. The lock is held. */
        private void release(long now) {
            VcpuScheduler.Slice over = slice;
            if (over != null) {
                slice = null;
                workers[worker] = null;
                policy.ran(over, now - began, now);
            }
        }

        /** What was measured of this vCPU so far. */
        public VcpuScheduler.Statistics statistics() {
            return VcpuTurns.this.statistics(task);
        }

        /** Takes part no longer. Idempotent. */
        @Override
        public void close() {
            end();
            lock.lock();
            try {
                if (!left) {
                    left = true;
                    policy.remove(task, clock.getAsLong());
                    turns.remove(task);
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
