package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;

/** Counts requests, bytes, failures and latencies. Thread-safe; counting allocates nothing. */
@SuppressWarnings("EnumOrdinal") // an index into counters of this process, never stored
public final class StatisticsDevice extends FilterDevice {

    private static final int BUCKETS = 64;
    private static final int REQUESTS = 0;
    private static final int BYTES = 1;
    private static final int FAILURES = 2;
    private static final int NANOSECONDS = 3;
    private static final int FIELDS = 4;

    /**
     * What one kind of operation has done so far.
     *
     * @param requests    that have ended
     * @param bytes       of those that went well
     * @param failures    requests that ended otherwise than well
     * @param nanoseconds sum of the latencies
     * @param latencies   requests by the power of two of their nanoseconds: element n counts those of 2^n to 2^(n+1)-1
     */
    public record Totals(long requests, long bytes, long failures, long nanoseconds, long[] latencies) {

        /** Nanoseconds that the given share of requests, such as 0.99, stayed below; 0 if there were none. */
        public long quantile(double share) {
            long wanted = (long) Math.ceil(requests * share);
            long seen = 0;
            for (int i = 0; i < latencies.length; i++) {
                seen += latencies[i];
                if (seen >= wanted && seen > 0) {
                    return i == 63 ? Long.MAX_VALUE : 1L << i + 1;
                }
            }
            return 0;
        }
    }

    private final FilterClock clock;
    private final AtomicLongArray counts = new AtomicLongArray(Operation.values().length * FIELDS);
    private final AtomicLongArray latencies = new AtomicLongArray(Operation.values().length * BUCKETS);
    private final AtomicInteger inFlight = new AtomicInteger();
    private final ChildRequest.Pool children = new ChildRequest.Pool(this::done);

    /** Over {@code below}, measuring with {@code clock}. */
    public StatisticsDevice(BlockDevice below, FilterClock clock) {
        super(below);
        this.clock = clock;
    }

    @Override
    public void submit(BlockRequest request) {
        ChildRequest child = children.take(request);
        child.time = clock.nanoTime();
        inFlight.incrementAndGet();
        below().submit(child.like(request, request.offset()));
    }

    private void done(ChildRequest child, BlockResult result) {
        BlockRequest parent = child.parent();
        int operation = parent.operation().ordinal();
        long latency = Math.max(1, clock.nanoTime() - child.time);
        counts.incrementAndGet(operation * FIELDS + REQUESTS);
        counts.addAndGet(operation * FIELDS + NANOSECONDS, latency);
        if (result == BlockResult.OK) {
            counts.addAndGet(operation * FIELDS + BYTES, parent.length());
        } else {
            counts.incrementAndGet(operation * FIELDS + FAILURES);
        }
        latencies.incrementAndGet(operation * BUCKETS + 63 - Long.numberOfLeadingZeros(latency));
        inFlight.decrementAndGet();
        child.end(result);
    }

    /** What {@code operation} has done so far. */
    public Totals totals(Operation operation) {
        int at = operation.ordinal() * FIELDS;
        var histogram = new long[BUCKETS];
        for (int i = 0; i < BUCKETS; i++) {
            histogram[i] = latencies.get(operation.ordinal() * BUCKETS + i);
        }
        return new Totals(counts.get(at + REQUESTS), counts.get(at + BYTES), counts.get(at + FAILURES),
                counts.get(at + NANOSECONDS), histogram);
    }

    /** Requests that the device below has. */
    public int inFlight() {
        return inFlight.get();
    }
}
