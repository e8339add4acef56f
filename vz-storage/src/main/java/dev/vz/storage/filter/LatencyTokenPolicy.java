package dev.vz.storage.filter;

import dev.vz.error.ConfigurationException;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes have tokens, one for each request below (the idea of Linux' Kyber). When more than a tenth of the reads
 * of a window took longer than they should, writes lose half their tokens; when all is well they get one back.
 */
final class LatencyTokenPolicy implements SchedulingPolicy {

    private static final int WINDOW = 32;

    private final ArrayDeque<Scheduled> reads = new ArrayDeque<>();
    private final ArrayDeque<Scheduled> writes = new ArrayDeque<>();
    private final int depth;
    private final long target;
    private int writeTokens;
    private int writesBelow;
    private int measured;
    private int slow;
    private boolean readTurn = true;

    LatencyTokenPolicy(int depth, long target) {
        if (target <= 0) {
            throw new ConfigurationException("A read takes some time, not " + target + " ns");
        }
        this.depth = depth;
        this.target = target;
        this.writeTokens = Math.max(1, depth / 2);
    }

    /** How many writes may be below at a time. */
    int writeTokens() {
        return writeTokens;
    }

    @Override
    public void add(Scheduled request) {
        (request.isRead() ? reads : writes).add(request);
    }

    @Override
    public @Nullable Scheduled next(long now) {
        boolean writeMay = !writes.isEmpty() && writesBelow < writeTokens;
        boolean read = !reads.isEmpty() && (readTurn || !writeMay);
        readTurn = !read || !writeMay;
        if (read) {
            return reads.remove();
        }
        if (!writeMay) {
            return null;
        }
        writesBelow++;
        return writes.remove();
    }

    @Override
    public void completed(Scheduled request, long now) {
        if (!request.isRead()) {
            writesBelow--;
            return;
        }
        slow += now - request.dispatched > target ? 1 : 0;
        if (++measured == WINDOW) {
            writeTokens = slow * 10 > WINDOW ? Math.max(1, writeTokens / 2) : Math.min(depth, writeTokens + 1);
            measured = 0;
            slow = 0;
        }
    }

    @Override
    public void release(Flow flow) {
        // Tokens come back with every completion, so nothing waits for long.
    }
}
