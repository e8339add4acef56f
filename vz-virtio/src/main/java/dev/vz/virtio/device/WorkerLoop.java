package dev.vz.virtio.device;

import dev.vz.error.LifecycleException;
import dev.vz.thread.ThreadEnd;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs tasks that were rung for, one after the other. A started loop has a platform thread of its own; one that is not is
 * driven by hand with {@link #runOnce}, which makes tests deterministic.
 *
 * <p>
 * Ringing is for any thread, never blocks and allocates nothing; rings of one task that nobody has answered are one.
 */
public final class WorkerLoop implements AutoCloseable {

    private static final Logger LOG = System.getLogger(WorkerLoop.class.getName());

    /** Replaced as a whole under this object's lock: a round goes through it by index and allocates nothing. */
    private volatile Task[] tasks = {};
    private final @Nullable Thread thread;
    private final Runnable waker;
    private final long pollNanos;
    private final boolean eager;
    private volatile boolean closed;

    private WorkerLoop(@Nullable String threadName, @Nullable Runnable waker, long pollNanos, boolean eager) {
        this.eager = eager;
        thread = threadName == null ? null : Thread.ofPlatform().daemon().name(threadName).unstarted(this::loop);
        this.waker = waker != null ? waker : () -> LockSupport.unpark(thread);
        this.pollNanos = pollNanos;
    }

    /** A loop that somebody drives with {@link #runOnce}. */
    public static WorkerLoop manual() {
        return new WorkerLoop(null, null, 0, false);
    }

    /**
     * A loop that somebody drives with {@link #runOnce}, on a thread that waits for other things as well: {@code waker} is
     * run, on any thread, whenever a task was rung for.
     *
     * @param pollNanos for how many nanoseconds after its last chain a queue is looked at again and again, before its
     *                  driver is asked to notify; 0 not at all
     */
    public static WorkerLoop driven(Runnable waker, long pollNanos) {
        return new WorkerLoop(null, waker, pollNanos, false);
    }

    /** A loop on a daemon thread called {@code threadName}. */
    public static WorkerLoop started(String threadName) {
        return begun(new WorkerLoop(threadName, null, 0, false));
    }

    /**
     * The same for devices that never wait for long: whoever rings for a queue also works on it, one batch or two, if nobody
     * else does. The thread comes in where more is left. A virtual processor that notifies may then find its request done, and
     * neither it nor its guest has to sleep and be woken.
     */
    public static WorkerLoop eager(String threadName) {
        return begun(new WorkerLoop(threadName, null, 0, true));
    }

    private static WorkerLoop begun(WorkerLoop loop) {
        Thread own = loop.thread;
        if (own != null) {
            own.start();
        }
        return loop;
    }

    /** Something to run when it is rung for. */
    public final class Task implements AutoCloseable {
        private final AtomicBoolean rung = new AtomicBoolean();
        private final Runnable action;
        private final BooleanSupplier attempt;

        private Task(Runnable action, BooleanSupplier attempt) {
            this.action = action;
            this.attempt = attempt;
        }

        /** Has it run soon, once. */
        public void ring() {
            // An exchange always, never a look first: it is the fence between what the driver put into its ring and the
            // loop's own exchange, without which both could miss each other.
            if (!rung.getAndSet(true) && !(eager && attempt.getAsBoolean())) {
                waker.run();
            }
        }

        /** Takes the ring, if there is one, for whoever is about to do what it asks for. */
        boolean answer() {
            return rung.get() && rung.getAndSet(false);
        }

        boolean isRung() {
            return rung.get();
        }

        /** Takes it off the loop; it may still be running. */
        @Override
        public void close() {
            without(this);
        }
    }

    long pollNanos() {
        return pollNanos;
    }

    /** Adds a task, which must not throw. */
    public Task add(Runnable action) {
        return add(action, () -> false);
    }

    /**
     * The same of a task that an eager loop has run by whoever rings.
     *
     * @param attempt runs it at once, on the calling thread, after {@link Task#answer}; {@code false} if the loop's thread has
     *                to
     */
    Task add(Runnable action, BooleanSupplier attempt) {
        if (closed) {
            throw new LifecycleException("Cannot add a task to a worker loop that is closed");
        }
        var task = new Task(action, attempt);
        synchronized (this) {
            Task[] more = Arrays.copyOf(tasks, tasks.length + 1);
            more[more.length - 1] = task;
            tasks = more;
        }
        return task;
    }

    private synchronized void without(Task gone) {
        tasks = Arrays.stream(tasks).filter(task -> task != gone).toArray(Task[]::new);
    }

    /** Runs what was rung for until now; says whether there was anything. */
    public boolean runOnce() {
        boolean any = false;
        for (Task task : tasks) {
            if (task.answer()) {
                any = true;
                try {
                    task.action.run();
                } catch (InternalError cutOff) {
                    // Shared memory was cut off by whoever owns it, and the JVM tells of it a little later than it
                    // happened: too late for the task, but no reason for the loop to end.
                    LOG.log(Level.WARNING, "A worker loop's task touched memory that is gone", cutOff);
                }
            }
        }
        return any;
    }

    private void loop() {
        while (!closed) {
            if (!runOnce()) {
                LockSupport.park(this);
            }
        }
    }

    /** Ends the thread, after the task that it is running. Idempotent. */
    @Override
    public void close() {
        closed = true;
        Thread own = thread;
        if (own == null || own == Thread.currentThread()) {
            return;
        }
        LockSupport.unpark(own);
        ThreadEnd.await(own);
    }
}
