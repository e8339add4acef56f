package dev.vz.storage.filter;

import java.util.Comparator;
import java.util.PriorityQueue;

/** Time that a test moves on. */
final class VirtualClock implements FilterClock {

    private record Task(long time, long number, Runnable work) {}

    private final PriorityQueue<Task> tasks = new PriorityQueue<>(
            Comparator.comparingLong(Task::time).thenComparingLong(Task::number));
    private long now;
    private long number;

    @Override
    public long nanoTime() {
        return now;
    }

    @Override
    public void at(long time, Runnable task) {
        tasks.add(new Task(Math.max(time, now), number++, task));
    }

    /** Lets {@code nanoseconds} pass, running what becomes due on the way. */
    void advance(long nanoseconds) {
        long end = now + nanoseconds;
        while (!tasks.isEmpty() && tasks.peek().time() <= end) {
            Task next = tasks.remove();
            now = next.time();
            next.work().run();
        }
        now = end;
    }
}
