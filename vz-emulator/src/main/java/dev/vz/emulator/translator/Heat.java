package dev.vz.emulator.translator;

import java.util.concurrent.TimeUnit;

/**
 * How hot code has to be before it is translated, in guest instructions that were executed.
 *
 * @param threshold  in a block before a region begins with it: some ten milliseconds of the interpreter, about what making and
 *                   compiling a region costs
 * @param settled    the same once a machine has run for {@code settledNanos}: what it does then it is likely to do again.
 *                   The path of a disk request through a guest's kernel is hundreds of blocks, each executed once for each
 *                   request. During a boot it would take longer than it brings
 * @param settledNanos nanoseconds since the processor was made
 * @param worthwhile in a region with {@link DistantAccess} before another is made in its place without; 0 if there is none
 */
record Heat(int threshold, int settled, long settledNanos, long worthwhile) {

    private static final int SETTLED = 20_000;
    private static final long SETTLED_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long WORTHWHILE = 128;

    /** With everything else as it suits a threshold. */
    static Heat of(int threshold) {
        return new Heat(threshold, Math.min(threshold, SETTLED), SETTLED_NANOS, WORTHWHILE * threshold);
    }

    /** The same without {@link DistantAccess}. */
    Heat near() {
        return new Heat(threshold, settled, settledNanos, 0);
    }
}
