package dev.vz.link;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A cable between two ports of the same process: what is sent into one end arrives at the other before {@code send}
 * returns, on the sender's thread. Frames that arrive while no sink is set are dropped and counted. Either end may be sent
 * to from several threads; its sink is then called by several threads.
 */
public final class LinkPair implements AutoCloseable {

    private final End a;
    private final End b;

    /** A cable whose ends are called {@code name + "-a"} and {@code name + "-b"}. */
    public LinkPair(String name, LinkFeatures features) {
        a = new End(name + "-a", features);
        b = new End(name + "-b", features);
        a.peer = b;
        b.peer = a;
    }

    /** One end. */
    public LinkPort a() {
        return a;
    }

    /** The other end. */
    public LinkPort b() {
        return b;
    }

    /** Frames that arrived at either end while nobody received there. */
    public long dropped() {
        return a.dropped.get() + b.dropped.get();
    }

    /** Closes both ends. */
    @Override
    public void close() {
        a.close();
        b.close();
    }

    private static final class End implements LinkPort {
        private final String name;
        private final LinkFeatures features;
        private final AtomicLong dropped = new AtomicLong();
        private @Nullable End peer;
        private volatile @Nullable FrameSink sink;
        /** What this end's sink takes: the other end accepts no more than that. */
        private volatile LinkFeatures taken;
        private volatile @Nullable Runnable listener;
        private volatile boolean closed;
        /** Calls of the sink in flight, on all threads and on this one. */
        private final AtomicInteger deliveries = new AtomicInteger();
        private final ThreadLocal<int[]> ownDeliveries = ThreadLocal.withInitial(() -> new int[1]);
        /** Those of them whose own thread is or was in {@link #close()}: another such thread must not wait for them. */
        private final AtomicInteger closing = new AtomicInteger();

        End(String name, LinkFeatures features) {
            this.name = name;
            this.features = features;
            this.taken = features;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public LinkFeatures features() {
            End other = peer;
            return other == null ? features : other.taken;
        }

        @Override
        public int send(FrameBatch batch) {
            End other = peer;
            return closed || other == null ? 0 : other.deliver(batch);
        }

        private int deliver(FrameBatch batch) {
            // Counted before "closed" is looked at, so that close either is seen here or waits for this.
            deliveries.incrementAndGet();
            int[] own = ownDeliveries.get();
            own[0]++;
            try {
                FrameSink receiver = sink;
                if (closed) {
                    return 0;
                }
                if (receiver == null) {
                    dropped.addAndGet(batch.count());
                    return batch.count();
                }
                return receiver.accept(batch);
            } finally {
                own[0]--;
                deliveries.decrementAndGet();
            }
        }

        @Override
        public void receive(@Nullable FrameSink sink) {
            taken = sink == null ? features : features.and(sink.features().withMtu(features.mtu()));
            this.sink = sink;
            End other = peer;
            Runnable waiting = other == null ? null : other.listener;
            if (waiting != null) {
                waiting.run();
            }
        }

        @Override
        public boolean isUp() {
            End other = peer;
            return !closed && other != null && !other.closed;
        }

        @Override
        public void onChange(@Nullable Runnable listener) {
            this.listener = listener;
        }

        @Override
        public void close() {
            boolean first;
            synchronized (this) {
                first = !closed;
                closed = true;
            }
            sink = null;
            if (first) {
                End other = peer;
                Runnable waiting = other == null ? null : other.listener;
                if (waiting != null) {
                    waiting.run();
                }
            }
            // A sink that closes its own port does not wait for itself.
            int own = ownDeliveries.get()[0];
            closing.addAndGet(own);
            while (deliveries.get() > (own == 0 ? 0 : closing.get())) {
                LockSupport.parkNanos(10_000);
            }
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
