package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import org.jspecify.annotations.Nullable;

/**
 * Decides in which order requests of several devices reach what is below, and how many at a time. Thread-safe.
 *
 * <p>
 * Devices that share something (one host disk, one network) are attached to one scheduler. Flushes, discards and zeroings
 * are not held back. No order is promised between requests that are under way at the same time, as everywhere.
 */
public final class IoScheduler {

    private final SchedulingPolicy policy;
    private final int depth;
    private final FilterClock clock;
    private final Object lock = new Object();
    private @Nullable Scheduled free;
    private int inFlight;

    private IoScheduler(SchedulingPolicy policy, int depth, FilterClock clock) {
        if (depth < 1) {
            throw new ConfigurationException("A scheduler lets one request through at least, not " + depth);
        }
        this.policy = policy;
        this.depth = depth;
        this.clock = clock;
    }

    /** In the order in which they come. */
    public static IoScheduler none(int depth, FilterClock clock) {
        return new IoScheduler(new FifoPolicy(), depth, clock);
    }

    /**
     * By place on the disk, contiguous ones merged, reads before writes; but none waits longer than its deadline.
     *
     * @param readNanos  for how long a read may wait
     * @param writeNanos for how long a write may wait
     */
    public static IoScheduler deadline(int depth, long readNanos, long writeNanos, FilterClock clock) {
        return new IoScheduler(new DeadlinePolicy(readNanos, writeNanos), depth, clock);
    }

    /**
     * With fewer writes at a time as soon as reads take longer than they should.
     *
     * @param readNanos how long nine reads of ten should take at most, below
     */
    public static IoScheduler latencyTokens(int depth, long readNanos, FilterClock clock) {
        return new IoScheduler(new LatencyTokenPolicy(depth, readNanos), depth, clock);
    }

    /** In shares by weight between the devices attached (deficit round robin over bytes). */
    public static IoScheduler fairShares(int depth, FilterClock clock) {
        return new IoScheduler(new FairSharePolicy(), depth, clock);
    }

    /** {@code below} as seen through the scheduler, with weight 1. */
    public BlockDevice attach(BlockDevice below) {
        return attach(below, 1);
    }

    /**
     * {@code below} as seen through the scheduler; closing it closes {@code below}.
     *
     * @param weight its share in relation to the others', 1 to 1000, where the scheduler knows shares
     */
    public BlockDevice attach(BlockDevice below, int weight) {
        if (weight < 1 || weight > 1000) {
            throw new ConfigurationException("A device's weight is 1 to 1000, not " + weight);
        }
        return new Member(below, new Flow(weight));
    }

    private void dispatch() {
        while (true) {
            Scheduled next;
            synchronized (lock) {
                if (inFlight >= depth) {
                    return;
                }
                next = policy.next(clock.nanoTime());
                if (next == null) {
                    return;
                }
                inFlight++;
                next.dispatched = clock.nanoTime();
            }
            next.send();
        }
    }

    private void done(Scheduled scheduled, BlockResult result) {
        synchronized (lock) {
            inFlight--;
            policy.completed(scheduled, clock.nanoTime());
        }
        Throwable cause = scheduled.child.cause();
        Scheduled each = scheduled;
        while (each != null) {
            BlockRequest parent = each.parent();
            Scheduled next = each.merged;
            recycle(each);
            if (cause == null || result == BlockResult.OK) {
                parent.complete(result);
            } else {
                parent.fail(result, cause);
            }
            each = next;
        }
        dispatch();
    }

    private Scheduled take() {
        synchronized (lock) {
            Scheduled found = free;
            if (found == null) {
                return new Scheduled(this::done);
            }
            free = found.next;
            found.next = null;
            return found;
        }
    }

    private void recycle(Scheduled scheduled) {
        synchronized (lock) {
            scheduled.clear();
            scheduled.next = free;
            free = scheduled;
        }
    }

    private final class Member extends FilterDevice {
        private final Flow flow;
        private volatile boolean closed;

        Member(BlockDevice below, Flow flow) {
            super(below);
            this.flow = flow;
        }

        @Override
        public void submit(BlockRequest request) {
            if (closed) {
                request.complete(BlockResult.CANCELLED);
                return;
            }
            if (request.operation() != Operation.READ && request.operation() != Operation.WRITE) {
                super.submit(request);
                return;
            }
            Scheduled scheduled = take();
            synchronized (lock) {
                scheduled.prepare(request, below(), flow, clock.nanoTime());
                policy.add(scheduled);
            }
            dispatch();
        }

        @Override
        public void close() {
            closed = true;
            synchronized (lock) {
                // What waits goes out now, whatever the policy thinks.
                policy.release(flow);
            }
            dispatch();
            super.close();
        }
    }
}
