package dev.vz.schedule;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What every policy needs: which task is in which state since when, and how much of its limit a machine has used.
 *
 * <p>
 * Limits work by periods of 100 ms: a machine that has used its part of a period rests until the next one begins.
 */
abstract class Accounting implements VcpuScheduler {

    /** Nanoseconds over which a limit is enforced. */
    static final long PERIOD = 100_000_000L;
    private static final long SECOND = 1_000_000_000L;

    private final Map<VcpuTask, Entry> entries = new HashMap<>();
    private final Map<String, Machine> machines = new HashMap<>();
    private final long slice;

    Accounting(long slice) {
        if (slice < 100_000 || slice > SECOND) {
            throw new ConfigurationException("A time slice must be 100 us to 1 s, got " + slice + " ns");
        }
        this.slice = slice;
    }

    /** The states of a task. */
    enum State {
        WAITING, READY, RUNNING
    }

    /** A task and its times. */
    static final class Entry {
        final VcpuTask task;
        final Machine machine;
        State state = State.WAITING;
        /** When it came into its state. */
        long since;
        private long running;
        private long ready;
        private long waiting;
        private long slices;

        Entry(VcpuTask task, Machine machine, long now) {
            this.task = task;
            this.machine = machine;
            this.since = now;
        }

        private void move(State next, long now) {
            long gone = Math.max(0, now - since);
            switch (state) {
                case WAITING -> waiting += gone;
                case READY -> ready += gone;
                case RUNNING -> {
                    // Counted by ran(): the time inside the guest, not the time since the turn was given.
                }
            }
            state = next;
            since = now;
        }
    }

    /** A machine: its limit, shares and virtual time hold for all its tasks together. */
    static final class Machine {
        final String name;
        final int shares;
        final long limit;
        int tasks;
        /** Weighted time that it has run, for fair sharing. */
        long virtualTime;
        private long period;
        private long used;

        Machine(VcpuTask first) {
            name = first.machine();
            shares = first.shares();
            limit = first.limit();
        }

        private void roll(long now) {
            long current = now / PERIOD;
            if (current != period) {
                long quota = quota();
                // A debt that one long slice made is paid off over the following periods.
                used = limit == Long.MAX_VALUE ? 0 : Math.max(0, used - Math.max(1, current - period) * quota);
                period = current;
            }
        }

        private long quota() {
            return limit == Long.MAX_VALUE ? Long.MAX_VALUE : Math.max(1, limit / (SECOND / PERIOD));
        }

        boolean isThrottled(long now) {
            roll(now);
            return used >= quota();
        }

        long left(long now) {
            roll(now);
            return quota() - used;
        }

        private long wakeUp(long now) {
            roll(now);
            if (used < quota()) {
                return now;
            }
            return (period + used / quota()) * PERIOD;
        }
    }

    // What a policy decides.

    /** {@code entry} is ready from now on. */
    abstract void enqueue(Entry entry, long now);

    /** {@code entry} is not ready any more, and not chosen either. */
    abstract void dequeue(Entry entry);

    /** The ready entry whose turn it is, among those whose machine is not throttled; still queued. */
    abstract @Nullable Entry choose(long now);

    /** {@code entry} ran for {@code nanos}. */
    abstract void charge(Entry entry, long nanos);

    /** A machine has come; the others are in {@code all}. */
    void arrived(Machine machine, Iterable<Machine> all) {}

    @Override
    public final void add(VcpuTask task, long now) {
        if (entries.containsKey(task)) {
            throw new ConfigurationException("vCPU " + task.vcpu() + " of " + task.machine() + " is scheduled already");
        }
        Machine machine = machines.get(task.machine());
        if (machine == null) {
            machine = new Machine(task);
            arrived(machine, machines.values());
            machines.put(task.machine(), machine);
        } else if (machine.shares != task.shares() || machine.limit != task.limit()) {
            throw new ConfigurationException("All vCPUs of " + task.machine() + " must have the same shares ("
                    + machine.shares + ") and limit (" + machine.limit + "), got " + task.shares() + " and "
                    + task.limit());
        }
        machine.tasks++;
        entries.put(task, new Entry(task, machine, now));
    }

    private Entry entry(VcpuTask task) {
        Entry entry = entries.get(task);
        if (entry == null) {
            throw new LifecycleException("vCPU " + task.vcpu() + " of " + task.machine() + " is not scheduled");
        }
        return entry;
    }

    @Override
    public final void remove(VcpuTask task, long now) {
        Entry entry = entry(task);
        if (entry.state == State.READY) {
            dequeue(entry);
        }
        entries.remove(task);
        if (--entry.machine.tasks == 0) {
            machines.remove(task.machine());
        }
    }

    @Override
    public final void ready(VcpuTask task, long now) {
        Entry entry = entry(task);
        if (entry.state == State.WAITING) {
            entry.move(State.READY, now);
            enqueue(entry, now);
        }
    }

    @Override
    public final void blocked(VcpuTask task, long now) {
        Entry entry = entry(task);
        if (entry.state == State.READY) {
            dequeue(entry);
        }
        entry.move(State.WAITING, now);
    }

    @Override
    public final @Nullable Slice next(int worker, long now) {
        Entry chosen = choose(now);
        if (chosen == null) {
            return null;
        }
        dequeue(chosen);
        chosen.move(State.RUNNING, now);
        chosen.slices++;
        return new Slice(chosen.task, Math.min(slice, Math.max(100_000, chosen.machine.left(now))));
    }

    @Override
    public final void ran(Slice slice, long nanos, long now) {
        Entry entry = entries.get(slice.task());
        if (entry == null) {
            return; // removed while it ran
        }
        entry.running += nanos;
        entry.machine.roll(now);
        entry.machine.used = entry.machine.limit == Long.MAX_VALUE ? 0 : entry.machine.used + nanos;
        charge(entry, nanos);
        if (entry.state == State.RUNNING) {
            entry.move(State.READY, now);
            enqueue(entry, now);
        }
    }

    @Override
    public final long nextWakeUp(long now) {
        long earliest = Long.MAX_VALUE;
        for (Entry entry : entries.values()) {
            if (entry.state == State.READY && entry.machine.isThrottled(now)) {
                earliest = Math.min(earliest, entry.machine.wakeUp(now));
            }
        }
        return earliest;
    }

    @Override
    public final Statistics statistics(VcpuTask task, long now) {
        Entry entry = entry(task);
        long gone = Math.max(0, now - entry.since);
        return new Statistics(entry.running, entry.ready + (entry.state == State.READY ? gone : 0),
                entry.waiting + (entry.state == State.WAITING ? gone : 0), entry.slices);
    }
}
