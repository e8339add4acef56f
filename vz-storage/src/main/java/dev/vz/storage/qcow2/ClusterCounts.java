package dev.vz.storage.qcow2;

import dev.vz.storage.image.OpenPolicyException;
import java.util.HashMap;
import java.util.Map;

/** How often each cluster was found to be used, during a check. */
final class ClusterCounts {

    private static final int PAGE_BITS = 14;
    private static final int PAGE = 1 << PAGE_BITS;
    /** Of clusters that nobody uses. */
    private static final int[] NONE = new int[PAGE];
    private static final int MAX_PAGES = 1 << 13;

    private final Map<Long, int[]> pages = new HashMap<>();
    private int[] lastPage = new int[0];
    private long lastIndex = -1;
    private long end;

    private int[] page(long cluster) {
        long index = cluster >>> PAGE_BITS;
        if (index != lastIndex) {
            lastPage = pages.computeIfAbsent(index, absent -> {
                if (pages.size() >= MAX_PAGES) {
                    throw new OpenPolicyException("Not checking an image whose clusters are strewn over more than "
                            + MAX_PAGES + " areas: counting them would take too much memory");
                }
                return new int[PAGE];
            });
            lastIndex = index;
        }
        return lastPage;
    }

    void add(long cluster) {
        int[] page = page(cluster);
        int at = (int) (cluster & PAGE - 1);
        if (page[at] < Integer.MAX_VALUE) {
            page[at]++;
        }
        end = Math.max(end, cluster + 1);
    }

    /** Adds a use of each of {@code number} clusters. */
    void addRange(long cluster, long number) {
        long from = cluster;
        long to = cluster + number;
        while (from < to) {
            int[] page = page(from);
            int at = (int) (from & PAGE - 1);
            int count = (int) Math.min(to - from, Math.min(PAGE - at, EntryRuns.PIECE));
            addEach(page, at, at + count);
            from += count;
        }
        end = Math.max(end, to);
    }

    private static void addEach(int[] page, int from, int to) {
        for (int at = from; at < to; at++) {
            page[at] += page[at] < Integer.MAX_VALUE ? 1 : 0;
        }
    }

    /**
     * How many of the clusters from {@code cluster} on are counted as {@code refcounts} has it, unsigned; all of them are in
     * one page.
     */
    int agreeing(long cluster, short[] refcounts) {
        int[] page = pages.containsKey(cluster >>> PAGE_BITS) ? page(cluster) : NONE;
        return agreeing(page, (int) (cluster & PAGE - 1), refcounts);
    }

    private static int agreeing(int[] page, int at, short[] refcounts) {
        int same = 0;
        while (same < refcounts.length && page[at + same] == (refcounts[same] & 0xffff)) {
            same++;
        }
        return same;
    }

    /** How many of the {@code number} clusters from {@code cluster} on are used once, or are not, as {@code once} says. */
    int usedOnce(long cluster, int number, boolean once) {
        int found = 0;
        while (found < number) {
            long at = cluster + found;
            int[] page = pages.containsKey(at >>> PAGE_BITS) ? page(at) : NONE;
            int in = (int) (at & PAGE - 1);
            int count = Math.min(number - found, PAGE - in);
            int same = usedOnce(page, in, in + count, once);
            found += same;
            if (same < count) {
                break;
            }
        }
        return found;
    }

    private static int usedOnce(int[] page, int from, int to, boolean once) {
        int at = from;
        while (at < to && page[at] == 1 == once) {
            at++;
        }
        return at - from;
    }

    int get(long cluster) {
        if (cluster >>> PAGE_BITS == lastIndex || pages.containsKey(cluster >>> PAGE_BITS)) {
            return page(cluster)[(int) (cluster & PAGE - 1)];
        }
        return 0;
    }

    /** One past the last cluster that is used. */
    long end() {
        return end;
    }
}
