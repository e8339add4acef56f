package dev.vz.emulator.translator;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The thread that makes regions, for all machines of the process: what guests can ask of it is bounded by its one thread
 * and its short queue. It ends by itself when there is nothing to do. Any thread.
 */
final class Workshop {

    private static final System.Logger LOG = System.getLogger(Workshop.class.getName());
    private static final int QUEUE = 64;
    /** Enough for HotSpot to have a method compiled by its first compiler. */
    private static final int WARM_UP = 260;

    private static final Workshop SHARED = new Workshop();

    /** After this HotSpot's first compiler is done, mostly: until then its interpreter is slower than the emulator's. */
    private static final int MILLISECONDS_TO_COMPILE = 10;

    private final Executor executor;
    private final Executor publisher;

    private Workshop() {
        publisher = CompletableFuture.delayedExecutor(MILLISECONDS_TO_COMPILE, TimeUnit.MILLISECONDS);
        var thread = new ThreadPoolExecutor(1, 1, 2, TimeUnit.SECONDS, new ArrayBlockingQueue<>(QUEUE),
                Thread.ofPlatform().daemon().name("emulator translation").factory());
        thread.allowCoreThreadTimeOut(true);
        executor = thread;
    }

    /** Makes regions where {@code executor} wants it. */
    Workshop(Executor executor) {
        this.executor = executor;
        publisher = executor;
    }

    /** The one of this process. */
    static Workshop shared() {
        return SHARED;
    }

    /** Has a region made and given to {@code cache}. Returns whether there was room for it. */
    boolean submit(RegionPlan plan, RegionCache cache) {
        try {
            executor.execute(() -> make(plan, cache));
            return true;
        } catch (RejectedExecutionException e) {
            return false; // busy: the block asks again when it is hotter
        }
    }

    private void make(RegionPlan plan, RegionCache cache) {
        try {
            Region region = RegionCompiler.make(plan, cache);
            for (int i = 0; i < WARM_UP; i++) {
                region.execute(plan.cpu()); // without a budget it returns at once
            }
            publisher.execute(() -> cache.made(plan, region));
        } catch (RuntimeException | Error e) {
            LOG.log(System.Logger.Level.WARNING, "Translating the code at 0x" + Long.toHexString(plan.entry().ip)
                    + ": it goes on being interpreted", e);
            cache.failed(plan);
        }
    }
}
