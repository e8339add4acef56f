package dev.vz.storage.filter;

/**
 * W-TinyLFU (Einziger, Friedman, Manes: TinyLFU, 2017): a small window of new lines before a main part, between which a
 * sketch of frequencies decides. A block enters the main part only if it has been asked for more often than the one that
 * would have to go.
 */
final class TinyLfuPolicy implements ReplacementPolicy {

    private static final int ROWS = 4;
    private static final long[] SEEDS = {0x9e3779b97f4a7c15L, 0xc2b2ae3d27d4eb4fL, 0x165667b19e3779f9L,
        0xd6e8feb86659fd93L};

    private final LruPolicy window;
    private final LruPolicy main;
    private final boolean[] inWindow;
    private final long[] keys;
    private final byte[] counters;
    private final int mask;
    private final int windowSize;
    private final int sample;
    private int windowCount;
    private int additions;

    TinyLfuPolicy(int slots) {
        window = new LruPolicy(slots);
        main = new LruPolicy(slots);
        inWindow = new boolean[slots];
        keys = new long[slots];
        int width = Integer.highestOneBit(Math.max(slots, 16) * 2);
        counters = new byte[width * ROWS];
        mask = width - 1;
        windowSize = Math.max(1, slots / 100);
        sample = 10 * Math.max(slots, 16);
    }

    private int at(int row, long key) {
        long hash = (key + 1) * SEEDS[row];
        return row * (mask + 1) + ((int) (hash >>> 40) & mask);
    }

    private void count(long key) {
        for (int row = 0; row < ROWS; row++) {
            int at = at(row, key);
            if (counters[at] < 15) {
                counters[at]++;
            }
        }
        if (++additions >= sample) {
            // Age everything, so that what was popular once makes room for what is now.
            additions /= 2;
            for (int i = 0; i < counters.length; i++) {
                counters[i] >>= 1;
            }
        }
    }

    private int frequency(long key) {
        int least = Integer.MAX_VALUE;
        for (int row = 0; row < ROWS; row++) {
            least = Math.min(least, counters[at(row, key)]);
        }
        return least;
    }

    @Override
    public void used(int slot) {
        count(keys[slot]);
        if (inWindow[slot]) {
            window.used(slot);
        } else {
            main.used(slot);
        }
    }

    @Override
    public void filled(int slot, long key) {
        count(key);
        keys[slot] = key;
        inWindow[slot] = true;
        window.filled(slot, key);
        windowCount++;
        if (windowCount > windowSize) {
            int oldest = window.victim(key, any -> false);
            window.emptied(oldest, keys[oldest]);
            windowCount--;
            inWindow[oldest] = false;
            main.filled(oldest, keys[oldest]);
        }
    }

    @Override
    public void emptied(int slot, long key) {
        if (inWindow[slot]) {
            window.emptied(slot, key);
            windowCount--;
        } else {
            main.emptied(slot, key);
        }
    }

    @Override
    public int victim(long key, Pinned pinned) {
        int fromMain = main.victim(key, pinned);
        int fromWindow = window.victim(key, pinned);
        boolean contest = windowCount >= windowSize && fromWindow >= 0;
        if (contest && (fromMain < 0 || frequency(keys[fromWindow]) <= frequency(keys[fromMain]))) {
            return fromWindow;
        }
        // The window's oldest wins: it moves to the main part when the new block comes into the window.
        return fromMain >= 0 ? fromMain : fromWindow;
    }
}
