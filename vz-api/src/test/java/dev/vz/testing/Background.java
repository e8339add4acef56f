package dev.vz.testing;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;

/**
 * Work of a test beside the test, each on a thread of its own.
 *
 * <p>
 * What {@link CompletableFuture}'s own methods run goes to the common pool, which has a single thread on a machine with two
 * processors: the second of two pieces that wait for each other would never begin.
 */
public final class Background {

    private Background() {}

    /** Begins {@code work}; the future tells what it returned or threw. */
    public static <T> CompletableFuture<T> call(Callable<T> work) {
        var result = new CompletableFuture<T>();
        Thread.ofPlatform().daemon().name("background of a test").start(() -> {
            try {
                result.complete(work.call());
            } catch (Throwable failure) {
                result.completeExceptionally(failure);
            }
        });
        return result;
    }

    /** A piece of work that returns nothing. */
    @FunctionalInterface
    public interface Action {
        /** Does it. */
        void run() throws Exception;
    }

    /** Begins {@code work}; the future tells that it is done, or what it threw. */
    public static CompletableFuture<Void> run(Action work) {
        return call(() -> {
            work.run();
            return null;
        });
    }
}
