package dev.vz.storage.qcow2;

import java.lang.foreign.MemorySegment;

/**
 * Looks along table entries in an array. The loops are short and in methods of their own: those that are called often are
 * compiled soon, which counts for programs that look through an image once and end.
 */
final class EntryRuns {

    /** Entries that are looked at with one call. */
    static final int PIECE = 64;

    private EntryRuns() {}

    /**
     * How many entries from {@code from} on, every {@code stride}-th, go on as {@code expected} begins.
     *
     * @param to       one past the last that may be looked at
     * @param mask     the bits that count
     * @param expected what the first of them is to be, in those bits
     * @param step     by how much each is to be more than the one before it
     */
    static int adjoining(long[] entries, int from, int to, int stride, long mask, long expected, long step) {
        long next = expected;
        int found = 0;
        for (int at = from; at < to && (entries[at] & mask) == next; at += stride) {
            next += step;
            found++;
        }
        return found;
    }

    /** Entries of tables that a program goes through from end to end; {@code entries} long. */
    static void read(MemorySegment table, long[] entries) {
        MemorySegment.copy(table, BigEndian.LONG, 0, entries, 0, entries.length);
    }
}
