package dev.vz.storage.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Runs tasks one step at a time, in an order that a seed chooses: a task runs until it calls {@link #pause()} or waits for
 * another one, and only when all stand still the next is let go. The same seed gives the same order, as far as the tasks do
 * not race for a lock that another one gives back.
 */
public final class Steps {

    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

    private static final ThreadLocal<@Nullable Task> CURRENT = new ThreadLocal<>();

    private final Random random;
    private final List<Task> tasks = new ArrayList<>();
    private final StringBuilder order = new StringBuilder();

    /** An order of {@code seed}. */
    public Steps(long seed) {
        random = new Random(seed);
    }

    private static final class Task {
        final Semaphore go = new Semaphore(0);
        final Thread thread;
        volatile boolean standing;
        /** Let go, and not awake yet: until then it looks as if it waited. */
        volatile boolean asleep;
        volatile @Nullable Throwable failure;

        Task(Runnable work) {
            thread = Thread.ofPlatform().daemon().unstarted(() -> {
                CURRENT.set(this);
                try {
                    pause();
                    work.run();
                } catch (Throwable problem) {
                    failure = problem;
                }
            });
        }

        boolean stands() {
            return standing || !asleep && switch (thread.getState()) {
                case BLOCKED, WAITING, TIMED_WAITING, TERMINATED -> true;
                case NEW, RUNNABLE -> false;
            };
        }
    }

    /** One more task. */
    public void add(Runnable work) {
        tasks.add(new Task(work));
    }

    /** Ends the step of the task that calls; nothing for threads that are no task. */
    public static void pause() {
        Task task = CURRENT.get();
        if (task != null) {
            task.standing = true;
            task.go.acquireUninterruptibly();
            task.asleep = false;
        }
    }

    /** Runs all tasks to their ends, and fails if one of them has failed or all wait for one another. */
    public void run() {
        tasks.forEach(task -> task.thread.start());
        while (true) {
            awaitStandstill();
            List<Task> ready = tasks.stream().filter(task -> task.standing).toList();
            if (ready.isEmpty()) {
                break;
            }
            Task next = ready.get(random.nextInt(ready.size()));
            order.append(tasks.indexOf(next));
            next.asleep = true;
            next.standing = false;
            next.go.release();
        }
        for (Task task : tasks) {
            if (task.failure != null) {
                throw new AssertionError("after the steps " + order, task.failure);
            }
        }
    }

    /** Twice in a row: a thread that was given a lock a moment ago may still look as if it waited for it. */
    private void awaitStandstill() {
        long end = System.nanoTime() + PATIENCE;
        int seen = 0;
        while (seen < 2) {
            boolean all = tasks.stream().allMatch(Task::stands);
            boolean hope = tasks.stream().anyMatch(task -> task.standing) || tasks.stream().noneMatch(
                    task -> task.thread.isAlive());
            seen = all && hope ? seen + 1 : 0;
            if (System.nanoTime() > end) {
                throw new AssertionError("all tasks wait for one another after the steps " + order);
            }
            Thread.yield();
        }
    }
}
