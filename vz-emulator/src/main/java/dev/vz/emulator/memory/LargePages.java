package dev.vz.emulator.memory;

/**
 * In which gigabytes of linear addresses large pages were found, and how large the largest there was. The TLBs cut large pages
 * into small ones and do not know which belong together; so what a flush of a page there forgets is as large as that. Belongs
 * to one virtual CPU.
 */
final class LargePages {

    private static final int SMALL_SHIFT = 12;
    private static final int GIGABYTE_SHIFT = 30;

    private final long[] gigabytes = new long[16];
    private final int[] shifts = new int[16];
    private int count;
    /** For all gigabytes, once there were more than are remembered. */
    private int anywhere = SMALL_SHIFT;

    /** A page of {@code 1 << shift} bytes was entered. */
    void add(long linear, int shift) {
        long gigabyte = linear >>> GIGABYTE_SHIFT;
        for (int i = 0; i < count; i++) {
            if (gigabytes[i] == gigabyte) {
                shifts[i] = Math.max(shifts[i], shift);
                return;
            }
        }
        if (count == gigabytes.length) {
            anywhere = Math.max(anywhere, shift);
        } else {
            gigabytes[count] = gigabyte;
            shifts[count++] = shift;
        }
    }

    /** The binary logarithm of the size of the largest page that {@code linear} may be in. */
    int shift(long linear) {
        long gigabyte = linear >>> GIGABYTE_SHIFT;
        for (int i = 0; i < count; i++) {
            if (gigabytes[i] == gigabyte) {
                return shifts[i];
            }
        }
        return anywhere;
    }

    /** All are flushed. */
    void clear() {
        count = 0;
        anywhere = SMALL_SHIFT;
    }
}
