package dev.vz.storage.filter;

import dev.vz.error.ConfigurationException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * In the order of their places on the disk, in one direction, reads before writes; one whose time has come goes first.
 * Contiguous requests go out as one.
 */
final class DeadlinePolicy implements SchedulingPolicy {

    private static final long MOST_MERGED = 1 << 20;
    private static final int MOST_BUFFERS = 128;
    /** How often reads may go before writes that wait. */
    private static final int WRITES_STARVED = 2;
    /** Requests in one direction before the other kind gets its turn. */
    private static final int BATCH = 16;

    private final ArrayList<Scheduled> reads = new ArrayList<>();
    private final ArrayList<Scheduled> writes = new ArrayList<>();
    private final long readNanos;
    private final long writeNanos;
    private boolean reading = true;
    private int batch;
    private int starved;
    private long position;

    DeadlinePolicy(long readNanos, long writeNanos) {
        if (readNanos <= 0 || writeNanos <= 0) {
            throw new ConfigurationException("A deadline lies in the future, not after " + readNanos + " or "
                    + writeNanos + " ns");
        }
        this.readNanos = readNanos;
        this.writeNanos = writeNanos;
    }

    @Override
    public void add(Scheduled request) {
        ArrayList<Scheduled> sorted = request.isRead() ? reads : writes;
        sorted.add(after(sorted, request.offset()), request);
    }

    /** The first place in {@code sorted} whose request starts at {@code offset} or later. */
    private static int after(ArrayList<Scheduled> sorted, long offset) {
        int low = 0;
        int high = sorted.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (sorted.get(middle).offset() < offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    @Override
    public @Nullable Scheduled next(long now) {
        if (reads.isEmpty() && writes.isEmpty()) {
            return null;
        }
        int late = expired(reads, now - readNanos);
        if (late < 0 && (!writes.isEmpty() && expired(writes, now - writeNanos) >= 0)) {
            reading = false;
            batch = 0;
            return take(writes, expired(writes, now - writeNanos));
        }
        if (late >= 0) {
            reading = true;
            batch = 0;
            return take(reads, late);
        }
        if (batch >= BATCH || (reading ? reads : writes).isEmpty()) {
            choose();
        }
        ArrayList<Scheduled> sorted = reading ? reads : writes;
        int at = after(sorted, position);
        return take(sorted, at == sorted.size() ? 0 : at);
    }

    private void choose() {
        batch = 0;
        boolean readsGo = !reads.isEmpty() && (writes.isEmpty() || starved < WRITES_STARVED);
        starved = readsGo && !writes.isEmpty() ? starved + 1 : 0;
        reading = readsGo;
    }

    private static int expired(ArrayList<Scheduled> sorted, long before) {
        int found = -1;
        for (int i = 0; i < sorted.size(); i++) {
            if (sorted.get(i).submitted <= before
                    && (found < 0 || sorted.get(i).submitted < sorted.get(found).submitted)) {
                found = i;
            }
        }
        return found;
    }

    private Scheduled take(ArrayList<Scheduled> sorted, int index) {
        Scheduled first = sorted.remove(index);
        Scheduled last = first;
        long length = first.parent().length();
        int buffers = first.parent().bufferCount();
        while (index < sorted.size()) {
            Scheduled following = sorted.get(index);
            length += following.parent().length();
            buffers += following.parent().bufferCount();
            if (!last.continuedBy(following) || length > MOST_MERGED || buffers > MOST_BUFFERS) {
                break;
            }
            last.merged = sorted.remove(index);
            last = following;
        }
        position = last.end();
        batch++;
        return first;
    }

    @Override
    public void completed(Scheduled request, long now) {
        // Deadlines are about waiting, not about how long the device takes.
    }

    @Override
    public void release(Flow flow) {
        for (ArrayList<Scheduled> sorted : List.of(reads, writes)) {
            for (Scheduled request : sorted) {
                if (request.flow() == flow) {
                    request.submitted = Long.MIN_VALUE / 2;
                }
            }
        }
    }
}
