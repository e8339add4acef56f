package dev.vz.link;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A cable between two ports of the same process: what is sent into one end arrives at the other before {@code send}
 * returns, on the sender's thread. Frames that arrive while no sink is set are dropped and counted.
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
        private volatile @Nullable Runnable listener;
        private volatile boolean closed;

        End(String name, LinkFeatures features) {
            this.name = name;
            this.features = features;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public LinkFeatures features() {
            return features;
        }

        @Override
        public int send(FrameBatch batch) {
            End other = peer;
            if (closed || other == null || other.closed) {
                return 0;
            }
            FrameSink receiver = other.sink;
            if (receiver == null) {
                other.dropped.addAndGet(batch.count());
                return batch.count();
            }
            return receiver.accept(batch);
        }

        @Override
        public void receive(@Nullable FrameSink sink) {
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
            closed = true;
            sink = null;
            End other = peer;
            Runnable waiting = other == null ? null : other.listener;
            if (waiting != null) {
                waiting.run();
            }
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
