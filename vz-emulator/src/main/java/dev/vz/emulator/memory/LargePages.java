package dev.vz.emulator.memory;

/**
 * In which gigabytes of linear addresses large pages were found. The TLBs cut large pages into small ones and do not know
 * which belong together; but a kernel has its large pages in a few gigabytes and flushes single pages in others. Belongs to
 * one virtual CPU.
 */
final class LargePages {

    private static final int GIGABYTE_SHIFT = 30;

    private final long[] gigabytes = new long[16];
    private int count;
    private boolean anywhere;

    /** A large page was entered. */
    void add(long linear) {
        if (isNear(linear)) {
            return;
        }
        if (count == gigabytes.length) {
            anywhere = true;
        } else {
            gigabytes[count++] = linear >>> GIGABYTE_SHIFT;
        }
    }

    /** Whether there may be a large page in the gigabyte of {@code linear}. */
    boolean isNear(long linear) {
        long gigabyte = linear >>> GIGABYTE_SHIFT;
        for (int i = 0; i < count; i++) {
            if (gigabytes[i] == gigabyte) {
                return true;
            }
        }
        return anywhere;
    }

    /** All are flushed. */
    void clear() {
        count = 0;
        anywhere = false;
    }
}
