package dev.vz.storage.filter;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** Deficit round robin (Shreedhar, Varghese 1995): in each round a device may send bytes in proportion to its weight. */
final class FairSharePolicy implements SchedulingPolicy {

    /** Bytes for each unit of weight and round. */
    private static final long QUANTUM = 64 * 1024;
    /** What the smallest request costs: a device does not serve thousands of tiny ones for nothing. */
    private static final long LEAST = 16 * 1024;

    private final ArrayDeque<Flow> active = new ArrayDeque<>();

    @Override
    public void add(Scheduled request) {
        Flow flow = request.flow();
        flow.waiting.add(request);
        if (!flow.active) {
            flow.active = true;
            flow.deficit = QUANTUM * flow.weight;
            active.add(flow);
        }
    }

    private static long cost(Scheduled request) {
        return Math.max(request.parent().length(), LEAST);
    }

    @Override
    public @Nullable Scheduled next(long now) {
        while (true) {
            Flow flow = active.peek();
            if (flow == null) {
                return null;
            }
            Scheduled first = flow.waiting.peek();
            if (first == null) {
                flow.active = false; // what it did not use is lost: rest earns nothing
                active.remove();
            } else if (flow.deficit < cost(first)) {
                flow.deficit += QUANTUM * flow.weight;
                active.add(active.remove());
            } else {
                flow.deficit -= cost(first);
                flow.waiting.remove();
                return first;
            }
        }
    }

    @Override
    public void completed(Scheduled request, long now) {
        // Shares are of bytes sent.
    }

    @Override
    public void release(Flow flow) {
        flow.deficit = Long.MAX_VALUE / 2;
    }
}
