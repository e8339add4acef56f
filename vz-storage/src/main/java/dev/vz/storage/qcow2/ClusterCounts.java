package dev.vz.storage.qcow2;

import dev.vz.storage.image.OpenPolicyException;
import java.util.HashMap;
import java.util.Map;

/** How often each cluster was found to be used, during a check. */
final class ClusterCounts {

    private static final int PAGE_BITS = 14;
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
                return new int[1 << PAGE_BITS];
            });
            lastIndex = index;
        }
        return lastPage;
    }

    void add(long cluster) {
        int[] page = page(cluster);
        int at = (int) (cluster & (1 << PAGE_BITS) - 1);
        if (page[at] < Integer.MAX_VALUE) {
            page[at]++;
        }
        end = Math.max(end, cluster + 1);
    }

    int get(long cluster) {
        if (cluster >>> PAGE_BITS == lastIndex || pages.containsKey(cluster >>> PAGE_BITS)) {
            return page(cluster)[(int) (cluster & (1 << PAGE_BITS) - 1)];
        }
        return 0;
    }

    /** One past the last cluster that is used. */
    long end() {
        return end;
    }
}
