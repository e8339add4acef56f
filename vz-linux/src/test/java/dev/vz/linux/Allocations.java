package dev.vz.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;

/** Counts the bytes that a thread allocates on the Java heap. */
public final class Allocations {

    private static final com.sun.management.ThreadMXBean THREADS = (com.sun.management.ThreadMXBean) ManagementFactory
            .getThreadMXBean();

    private static final int CALLS = 20_000;

    private Allocations() {}

    /** Warms {@code call} up until the JIT has compiled it, then expects that calls allocate nothing. */
    public static void expectNoneBy(Runnable call) {
        long least = Long.MAX_VALUE;
        // The compiled code arrives when it arrives; a round that allocates for good does so in every round.
        for (int round = 0; round < 30 && least > 0; round++) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < CALLS; i++) {
                call.run();
            }
            least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
        }
        assertThat(least).as("bytes allocated by %d calls", CALLS).isZero();
    }
}
