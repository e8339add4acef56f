package dev.vz.emulator.memory;

import java.util.Arrays;

/**
 * A software TLB for one kind of access at one privilege: which linear page lies where in the host.
 *
 * <p>
 * {@link #entries} interleaves, for each page slot, a tag (the linear page address) and an addend (what to add to the
 * linear address to get the host address). An access of {@code size} bytes at {@code a} hits if the tag in the slot of
 * {@code a} equals {@code a + size - 1 & -4096}: an access that crosses into the next page never does, because the next
 * page has another slot. A tag of an empty slot is odd and equals nothing. Whatever must not be done on the fast way
 * (device memory, watched pages, pages with decoded code in a write TLB) simply has no entry.
 */
public final class Tlb {

    /** Number of pages. */
    public static final int PAGES = 1024;
    /** {@code (int) (linear >>> 11) & INDEX_MASK} is the index of the tag; the addend follows it. */
    public static final int INDEX_MASK = 2 * PAGES - 2;

    private static final long EMPTY = 1;

    /** Tags at even indices, addends at odd ones. */
    public final long[] entries = new long[2 * PAGES];
    private final boolean[] global = new boolean[PAGES];
    private boolean used;

    /** Makes an empty one. */
    public Tlb() {
        used = true;
        flush();
    }

    /** The index of the tag of {@code linear}'s page. */
    public static int index(long linear) {
        return (int) (linear >>> 11) & INDEX_MASK;
    }

    /** Remembers that the page of {@code linear} is at {@code host}, the host address of {@code linear} itself. */
    public void fill(long linear, long host, boolean global) {
        int i = index(linear);
        entries[i] = linear & PhysicalMemory.PAGE_MASK;
        entries[i + 1] = host - linear;
        this.global[i >> 1] = global;
        used = true;
    }

    /** The host address of {@code linear} for an access of {@code size} bytes, or 0. */
    public long host(long linear, int size) {
        int i = index(linear);
        return entries[i] == (linear + size - 1 & PhysicalMemory.PAGE_MASK) ? linear + entries[i + 1] : 0;
    }

    /** Forgets everything. */
    public void flush() {
        if (used) {
            Arrays.fill(entries, EMPTY);
            used = false;
        }
    }

    /** Forgets what is not global. */
    public void flushLocal() {
        if (used) {
            for (int i = 0; i < PAGES; i++) {
                if (!global[i]) {
                    entries[2 * i] = EMPTY;
                }
            }
        }
    }

    /** Forgets the page of {@code linear}. Returns whether it was there. */
    public boolean flushPage(long linear) {
        int i = index(linear);
        if (entries[i] == (linear & PhysicalMemory.PAGE_MASK)) {
            entries[i] = EMPTY;
            return true;
        }
        return false;
    }

    /** Forgets every linear page that lies at the host page {@code host}. */
    public void flushHost(long host) {
        if (used) {
            for (int i = 0; i < 2 * PAGES; i += 2) {
                if (entries[i] + entries[i + 1] == host && entries[i] != EMPTY) {
                    entries[i] = EMPTY;
                }
            }
        }
    }
}
