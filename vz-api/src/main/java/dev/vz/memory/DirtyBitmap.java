package dev.vz.memory;

import dev.vz.error.ConfigurationException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;

/**
 * One bit for every 4 KiB page of a range: has it been written since the last look?
 *
 * <p>
 * Bit <i>n</i> is page <i>n</i>, in 64-bit words, lowest bit first: the layout of {@code KVM_GET_DIRTY_LOG}. Marking and
 * draining may happen on any threads at the same time and a mark is never lost: a thread that writes a page and then marks
 * it, and another that drains the mark and then reads the page, cannot miss each other. Bits past the last page are never
 * set by {@link #mark}.
 */
public final class DirtyBitmap {

    /** Bytes per bit. */
    public static final long PAGE = 4096;

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

    private final long pages;
    private final long[] words;

    /** A clean bitmap over {@code bytes} bytes, rounded up to whole pages. */
    public DirtyBitmap(long bytes) {
        if (bytes <= 0 || bytes > (long) Integer.MAX_VALUE * 64 * PAGE) {
            throw new ConfigurationException("A dirty bitmap cannot cover " + bytes + " bytes");
        }
        pages = (bytes + PAGE - 1) / PAGE;
        words = new long[(int) ((pages + 63) / 64)];
    }

    /** Number of pages covered. */
    public long pages() {
        return pages;
    }

    /** Number of 64-bit words. */
    public int wordCount() {
        return words.length;
    }

    /** Word {@code index}, as it is now. */
    public long word(int index) {
        return (long) WORD.getAcquire(words, index);
    }

    /**
     * Marks every page that {@code [offset, offset + length)} touches. Call it after the write that it reports.
     *
     * @param offset bytes from the start of the range covered
     * @param length bytes, 0 or more
     * @throws IndexOutOfBoundsException if they do not lie in the range covered, rounded up to whole pages
     */
    public void mark(long offset, long length) {
        Objects.checkFromIndexSize(offset, length, pages * PAGE);
        if (length == 0) {
            return;
        }
        // Without the fence the look below could pass the write it reports: a drain in between would clear the mark and
        // the reader after it would still see the old page.
        VarHandle.fullFence();
        long first = offset / PAGE;
        long last = (offset + length - 1) / PAGE;
        int lastWord = (int) (last >>> 6);
        long mask = -1L << first;
        for (int index = (int) (first >>> 6); index <= lastWord; index++) {
            if (index == lastWord) {
                mask &= -1L >>> ~last;
            }
            // Most writes go to pages that are dirty already; the look spares the bus-locked or.
            if ((mask & ~(long) WORD.getOpaque(words, index)) != 0) {
                WORD.getAndBitwiseOr(words, index, mask);
            }
            mask = -1L;
        }
    }

    /** Sets every bit of {@code mask} in word {@code index}. */
    public void merge(int index, long mask) {
        if (mask != 0) {
            WORD.getAndBitwiseOr(words, index, mask);
        }
    }

    /** Takes word {@code index}: returns its bits and clears them, atomically. */
    public long drain(int index) {
        if ((long) WORD.getOpaque(words, index) == 0) {
            return 0;
        }
        long taken = (long) WORD.getAndSet(words, index, 0L);
        VarHandle.fullFence(); // the other half of the fence in mark: the pages are read after this
        return taken;
    }

    /** Moves all marks into {@code target}, which covers as many pages. */
    public void drainInto(DirtyBitmap target) {
        if (target.pages != pages) {
            throw new ConfigurationException("Cannot drain a dirty bitmap of " + pages + " pages into one of "
                    + target.pages);
        }
        for (int i = 0; i < words.length; i++) {
            target.merge(i, drain(i));
        }
    }

    /** Whether page {@code page} is marked. */
    public boolean isDirty(long page) {
        Objects.checkIndex(page, pages);
        return (word((int) (page >>> 6)) & 1L << page) != 0;
    }

    /** How many pages are marked. */
    public long dirtyPages() {
        long count = 0;
        for (int i = 0; i < words.length; i++) {
            count += Long.bitCount(word(i));
        }
        return count;
    }

    /** Clears everything. */
    public void clear() {
        for (int i = 0; i < words.length; i++) {
            WORD.setRelease(words, i, 0L);
        }
    }
}
