package dev.vz.emulator.cpu;

import java.util.Arrays;

/** The first few places to which an indirect branch has gone. Belongs to the processor's thread. */
public final class Targets {

    private static final int MOST = 12;
    private static final long[] NONE = {};

    private long[] seen = NONE;
    private int count;

    /** The branch goes to {@code target}. */
    public void note(long target) {
        for (int i = 0; i < count; i++) {
            if (seen[i] == target) {
                return;
            }
        }
        if (count < MOST) {
            if (count == seen.length) {
                seen = Arrays.copyOf(seen, Math.max(2, 2 * count));
            }
            seen[count++] = target;
        }
    }

    /** A copy of what was noted. */
    public long[] toArray() {
        return Arrays.copyOf(seen, count);
    }

    /** No places. */
    static long[] none() {
        return NONE;
    }
}
