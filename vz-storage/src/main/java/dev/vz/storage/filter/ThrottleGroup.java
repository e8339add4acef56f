package dev.vz.storage.filter;

import dev.vz.block.BlockDevice;
import dev.vz.block.BlockRequest;
import dev.vz.block.BlockRequest.Operation;
import dev.vz.block.BlockResult;
import dev.vz.error.ConfigurationException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Limits that several devices share: together they get what the group may, in turns. Thread-safe.
 *
 * <p>
 * Flushes and discards count as writes of no bytes. A request that is larger than {@code iopsUnit} counts as several.
 */
public final class ThrottleGroup {

    /**
     * What the group may do in a second.
     *
     * @param requests  all requests
     * @param reads     reads
     * @param writes    everything else
     * @param bytes     bytes of all requests
     * @param readBytes bytes read
     * @param written   bytes written
     * @param iopsUnit  bytes that count as one request; 0 if every request counts once
     */
    public record Limits(RateLimit requests, RateLimit reads, RateLimit writes, RateLimit bytes, RateLimit readBytes,
            RateLimit written, long iopsUnit) {

        /** No limits. */
        public static final Limits NONE = new Limits(RateLimit.NONE, RateLimit.NONE, RateLimit.NONE, RateLimit.NONE,
                RateLimit.NONE, RateLimit.NONE, 0);

        /** Checks the unit. */
        public Limits {
            if (iopsUnit < 0) {
                throw new ConfigurationException("Requests cannot be counted in units of " + iopsUnit + " bytes");
            }
        }

        /** The same with a limit of requests. */
        public Limits withRequests(RateLimit requests) {
            return new Limits(requests, reads, writes, bytes, readBytes, written, iopsUnit);
        }

        /** The same with a limit of bytes. */
        public Limits withBytes(RateLimit bytes) {
            return new Limits(requests, reads, writes, bytes, readBytes, written, iopsUnit);
        }
    }

    private final FilterClock clock;
    private final Object lock = new Object();
    private final List<Member> members = new ArrayList<>();
    private Limits limits;
    private RateLimit.Bucket[] buckets;
    private int turn;
    private boolean armed;

    /** A group with {@code limits}, in the time of {@code clock}. */
    public ThrottleGroup(Limits limits, FilterClock clock) {
        this.clock = clock;
        this.limits = limits;
        this.buckets = buckets(limits, clock.nanoTime());
    }

    private static RateLimit.Bucket[] buckets(Limits limits, long now) {
        RateLimit[] all = {limits.requests, limits.reads, limits.writes, limits.bytes, limits.readBytes,
            limits.written};
        var buckets = new RateLimit.Bucket[all.length];
        for (int i = 0; i < all.length; i++) {
            buckets[i] = new RateLimit.Bucket(all[i], now);
        }
        return buckets;
    }

    /** Changes the limits from now on. */
    public void limits(Limits limits) {
        synchronized (lock) {
            this.limits = limits;
            buckets = buckets(limits, clock.nanoTime());
        }
        dispatch();
    }

    /** {@code below} as a member of the group; closing it leaves the group and closes {@code below}. */
    public BlockDevice attach(BlockDevice below) {
        var member = new Member(below);
        synchronized (lock) {
            members.add(member);
        }
        return member;
    }

    /** Sends on what may pass now, and comes back when more may. */
    private void dispatch() {
        while (true) {
            Member chosen = null;
            BlockRequest request = null;
            synchronized (lock) {
                long wait = Long.MAX_VALUE;
                long now = clock.nanoTime();
                for (int i = 0; i < members.size() && request == null; i++) {
                    Member member = members.get((turn + i) % members.size());
                    BlockRequest first = member.waiting.peek();
                    if (first == null) {
                        continue;
                    }
                    long until = waitFor(first, now);
                    if (until == 0) {
                        chosen = member;
                        request = member.waiting.remove();
                        count(request);
                        turn = (turn + i + 1) % members.size();
                    } else {
                        wait = Math.min(wait, until);
                    }
                }
                if (request == null || chosen == null) {
                    if (wait != Long.MAX_VALUE && !armed) {
                        armed = true;
                        clock.at(now + wait, this::expired);
                    }
                    return;
                }
            }
            chosen.below().submit(request);
        }
    }

    private void expired() {
        synchronized (lock) {
            armed = false;
        }
        dispatch();
    }

    private long waitFor(BlockRequest request, long now) {
        boolean read = request.operation() == Operation.READ;
        long wait = Math.max(buckets[0].waitAt(now), buckets[3].waitAt(now));
        return Math.max(wait, Math.max(buckets[read ? 1 : 2].waitAt(now), buckets[read ? 4 : 5].waitAt(now)));
    }

    private void count(BlockRequest request) {
        boolean read = request.operation() == Operation.READ;
        boolean data = read || request.operation() == Operation.WRITE;
        double bytes = data ? request.length() : 0;
        double requests = limits.iopsUnit == 0 ? 1 : Math.max(1, Math.ceil(bytes / limits.iopsUnit));
        buckets[0].pass(requests);
        buckets[read ? 1 : 2].pass(requests);
        buckets[3].pass(bytes);
        buckets[read ? 4 : 5].pass(bytes);
    }

    private final class Member extends FilterDevice {
        private final ArrayDeque<BlockRequest> waiting = new ArrayDeque<>();
        private boolean closed;

        Member(BlockDevice below) {
            super(below);
        }

        @Override
        public void submit(BlockRequest request) {
            synchronized (lock) {
                if (!closed) {
                    waiting.add(request);
                    request = null;
                }
            }
            if (request != null) {
                request.complete(BlockResult.CANCELLED);
            } else {
                dispatch();
            }
        }

        /** What still waits is sent on at once: a close completes, it does not throw away. */
        @Override
        public void close() {
            List<BlockRequest> rest;
            synchronized (lock) {
                closed = true;
                members.remove(this);
                turn = 0;
                rest = List.copyOf(waiting);
                waiting.clear();
            }
            rest.forEach(below()::submit);
            super.close();
        }
    }
}
