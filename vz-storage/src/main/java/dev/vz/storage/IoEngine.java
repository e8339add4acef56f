package dev.vz.storage;

import dev.vz.block.BlockRequest;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The threads on which images move data. One engine may serve many images; it is closed after them.
 */
public abstract sealed class IoEngine implements AutoCloseable {

    private static final IoEngine INLINE = new Inline();

    /** Bytes of the longest read that is worth copying on the thread that submits it, if others wait for that thread. */
    private static final long SHORT = 256 * 1024;
    /** The same if none do: nothing that a guest's kernel asks for at a time is longer. */
    private static final long LONG = 2 << 20;
    private static final long NONE = -1;

    IoEngine() {}

    /** Everything on the thread that submits: the least latency, and submitting blocks. Needs no closing. */
    public static IoEngine inline() {
        return INLINE;
    }

    /** At most {@code threads} requests at a time, each on a thread of the engine; submitting never blocks. */
    public static IoEngine threads(int threads) {
        if (threads < 1 || threads > 1024) {
            throw new ConfigurationException("An engine has 1 to 1024 threads, not " + threads);
        }
        return new Threads(threads, NONE, NONE);
    }

    /**
     * Reads that need nothing but memory, the host's cache included, on the thread that submits, whose completion then runs
     * before {@code submit} returns; everything else as with {@link #threads}. Submitting never waits for storage.
     */
    public static IoEngine cachedFirst(int threads) {
        if (threads < 1 || threads > 1024) {
            throw new ConfigurationException("An engine has 1 to 1024 threads, not " + threads);
        }
        return new Threads(threads, SHORT, NONE);
    }

    /**
     * As {@link #cachedFirst}, and writes in place, too, are made on the thread that submits as long as the host takes them into
     * its cache at once. One that it took its time for has those of the next while made by the engine's threads, ten times as
     * long and up to a second: for callers that can wait once in a while, and for whom handing over costs more than the write.
     */
    public static IoEngine callersFirst(int threads) {
        if (threads < 1 || threads > 1024) {
            throw new ConfigurationException("An engine has 1 to 1024 threads, not " + threads);
        }
        return new Threads(threads, LONG, LONG);
    }

    abstract void execute(DiskImage image, BlockRequest request);

    /** Waits until all requests are done, and ends the threads. Idempotent. */
    @Override
    public abstract void close();

    private static final class Inline extends IoEngine {

        @Override
        void execute(DiskImage image, BlockRequest request) {
            image.perform(request);
        }

        @Override
        public void close() {
            // There are no threads to end.
        }
    }

    private static final class Threads extends IoEngine {

        private final Object lock = new Object();
        // Two queues in step rather than one of pairs, so that queueing allocates nothing once they have grown.
        private final ArrayDeque<DiskImage> images = new ArrayDeque<>();
        private final ArrayDeque<BlockRequest> requests = new ArrayDeque<>();
        private final List<Thread> threads = new ArrayList<>();
        private final long longestReadNow;
        private final long longestWriteNow;
        private boolean closed;

        Threads(int count, long longestReadNow, long longestWriteNow) {
            this.longestReadNow = longestReadNow;
            this.longestWriteNow = longestWriteNow;
            for (int i = 0; i < count; i++) {
                threads.add(Thread.ofPlatform().name("vz-storage-" + i).daemon().start(this::work));
            }
        }

        @Override
        void execute(DiskImage image, BlockRequest request) {
            long longest = switch (request.operation()) {
                case READ -> longestReadNow;
                case WRITE -> longestWriteNow;
                case FLUSH, DISCARD, WRITE_ZEROES -> NONE;
            };
            if (longest >= request.length() && image.performNow(request)) {
                return;
            }
            synchronized (lock) {
                if (closed) {
                    throw new LifecycleException("An I/O engine was closed before the images that use it");
                }
                images.add(image);
                requests.add(request);
                lock.notify();
            }
        }

        private void work() {
            while (true) {
                DiskImage image;
                BlockRequest request;
                synchronized (lock) {
                    while (requests.isEmpty()) {
                        if (closed) {
                            return;
                        }
                        try {
                            lock.wait();
                        } catch (InterruptedException nobodyMay) {
                            // These threads are the engine's own: only closing ends them, so look again.
                        }
                    }
                    image = images.remove();
                    request = requests.remove();
                }
                image.perform(request);
            }
        }

        @Override
        public void close() {
            synchronized (lock) {
                closed = true;
                lock.notifyAll();
            }
            boolean interrupted = false;
            for (Thread thread : threads) {
                while (thread.isAlive() && thread != Thread.currentThread()) {
                    try {
                        thread.join();
                    } catch (InterruptedException later) {
                        interrupted = true;
                    }
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
