package dev.vz.testing;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Counts the bytes that code allocates on the Java heap, with {@code com.sun.management.ThreadMXBean}.
 *
 * <p>
 * The bean is reached through method handles, so that a module's tests need not read {@code jdk.management}.
 */
public final class Allocations {

    private static final MethodHandle CURRENT = counter("getCurrentThreadAllocatedBytes",
            MethodType.methodType(long.class));
    private static final MethodHandle OF_THREAD = counter("getThreadAllocatedBytes",
            MethodType.methodType(long.class, long.class));

    private Allocations() {}

    private static MethodHandle counter(String method, MethodType shape) {
        try {
            Class<?> factory = Class.forName("java.lang.management.ManagementFactory");
            Class<?> type = Class.forName("com.sun.management.ThreadMXBean");
            Object bean = factory.getMethod("getThreadMXBean").invoke(null);
            return MethodHandles.publicLookup().unreflect(type.getMethod(method, shape.parameterArray())).bindTo(bean)
                    .asType(shape);
        } catch (ReflectiveOperationException missing) {
            throw new AssertionError("This JVM does not count allocated bytes", missing);
        }
    }

    /** Bytes that this thread has allocated so far. */
    public static long current() {
        try {
            return (long) CURRENT.invokeExact();
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /** Bytes that another thread, which is alive, has allocated so far. */
    public static long of(Thread thread) {
        try {
            return (long) OF_THREAD.invokeExact(thread.threadId());
        } catch (Throwable failure) {
            throw new AssertionError(failure);
        }
    }

    /**
     * Bytes that one call of {@code code} allocates on this thread, on average over {@code calls} calls, after as many
     * calls to warm up: the least of the rounds of the first 20 seconds, because on a busy machine the compiler that
     * removes allocations comes late. What the JVM does once in a while (a compilation's bookkeeping) rounds to 0.
     */
    public static double perCall(int calls, Runnable code) {
        double least = Double.MAX_VALUE;
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (least >= 0.5 && System.nanoTime() < deadline) {
            long before = current();
            for (int i = 0; i < calls; i++) {
                code.run();
            }
            least = Math.min(least, (double) (current() - before) / calls);
        }
        return least < 0.5 ? 0 : least;
    }
}
