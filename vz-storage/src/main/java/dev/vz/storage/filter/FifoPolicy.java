package dev.vz.storage.filter;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** In the order of arrival. */
final class FifoPolicy implements SchedulingPolicy {

    private final ArrayDeque<Scheduled> waiting = new ArrayDeque<>();

    @Override
    public void add(Scheduled request) {
        waiting.add(request);
    }

    @Override
    public @Nullable Scheduled next(long now) {
        return waiting.poll();
    }

    @Override
    public void completed(Scheduled request, long now) {
        // Nothing is learnt from it.
    }

    @Override
    public void release(Flow flow) {
        // Its requests wait only for those before them.
    }
}
