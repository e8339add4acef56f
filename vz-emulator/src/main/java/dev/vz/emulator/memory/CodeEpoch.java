package dev.vz.emulator.memory;

import java.util.Arrays;

/**
 * Between two events after which a linear address, from which code was fetched at one privilege, may mean other bytes.
 * Belongs to the processor's thread.
 */
final class CodeEpoch {

    private long number = 1;
    /** One bit for each page, modulo 4096, from which code was fetched in this epoch. */
    private final long[] pages = new long[64];
    /** Whether one of them was not global. */
    private boolean local;

    long number() {
        return number;
    }

    /** Code is fetched from the page of {@code linear}. */
    void fetched(long linear) {
        pages[(int) (linear >>> 18) & 63] |= 1L << (linear >>> 12);
    }

    /** That page is not global. Need not be said again until the TLB has forgotten it. */
    void fetchedLocal() {
        local = true;
    }

    /** The page of {@code linear} may be elsewhere. */
    void flushPage(long linear) {
        if ((pages[(int) (linear >>> 18) & 63] & 1L << (linear >>> 12)) != 0) {
            next();
        }
    }

    /** Every page that is not global may be elsewhere, and the TLB has forgotten them. */
    void flushLocal() {
        if (local) {
            local = false;
            next();
        }
    }

    /** Every page may be elsewhere. */
    void next() {
        number++;
        Arrays.fill(pages, 0);
    }
}
