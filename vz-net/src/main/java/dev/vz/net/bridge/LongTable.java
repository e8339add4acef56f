package dev.vz.net.bridge;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * From numbers that are not 0 to places 0, 1, 2… in the caller's own arrays: open addressing with linear probing. The hash
 * has a secret, so that a guest that chooses addresses cannot make them collide. Finding, adding and removing allocate
 * nothing until the table has to grow. Not thread-safe.
 */
final class LongTable {

    private final long secret = ThreadLocalRandom.current().nextLong();
    private final long factor = ThreadLocalRandom.current().nextLong() | 1;
    private long[] keys;
    private int[] places;
    private int mask;
    private int size;

    LongTable(int expected) {
        int capacity = Integer.highestOneBit(Math.max(8, expected)) * 4;
        keys = new long[capacity];
        places = new int[capacity];
        mask = capacity - 1;
    }

    int size() {
        return size;
    }

    /** The place of {@code key}, or -1. */
    int find(long key) {
        for (int i = slot(key);; i = i + 1 & mask) {
            long found = keys[i];
            if (found == key) {
                return places[i];
            }
            if (found == 0) {
                return -1;
            }
        }
    }

    /** Adds {@code key}, which is not there. */
    void add(long key, int place) {
        if (size * 2 >= keys.length) {
            grow();
        }
        insert(key, place);
        size++;
    }

    /** Says that {@code key}, which is there, has another place. */
    void move(long key, int place) {
        int i = slot(key);
        while (keys[i] != key) {
            i = i + 1 & mask;
        }
        places[i] = place;
    }

    /** Takes {@code key} out, which is there. */
    void remove(long key) {
        int hole = slot(key);
        while (keys[hole] != key) {
            hole = hole + 1 & mask;
        }
        // Whatever was pushed past the hole moves back, so that no search ends too early.
        for (int i = hole + 1 & mask; keys[i] != 0; i = i + 1 & mask) {
            int home = slot(keys[i]);
            if ((i - home & mask) >= (i - hole & mask)) {
                keys[hole] = keys[i];
                places[hole] = places[i];
                hole = i;
            }
        }
        keys[hole] = 0;
        size--;
    }

    void clear() {
        Arrays.fill(keys, 0);
        size = 0;
    }

    private int slot(long key) {
        long mixed = (key ^ secret) * factor;
        mixed ^= mixed >>> 29;
        mixed *= 0xBF58_476D_1CE4_E5B9L;
        return (int) (mixed >>> 32) & mask;
    }

    private void insert(long key, int place) {
        int i = slot(key);
        while (keys[i] != 0) {
            i = i + 1 & mask;
        }
        keys[i] = key;
        places[i] = place;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldPlaces = places;
        keys = new long[oldKeys.length * 2];
        places = new int[keys.length];
        mask = keys.length - 1;
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != 0) {
                insert(oldKeys[i], oldPlaces[i]);
            }
        }
    }
}
