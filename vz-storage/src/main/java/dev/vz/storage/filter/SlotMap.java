package dev.vz.storage.filter;

import java.util.Arrays;

/** Which slot holds which block: a hash table of longs with open addressing that never grows and allocates nothing. */
final class SlotMap {

    static final int NONE = -1;

    private final long[] keys;
    private final int[] slots;
    private final int mask;

    /** Room for {@code capacity} blocks. */
    SlotMap(int capacity) {
        int size = Integer.highestOneBit(Math.max(capacity, 4)) * 4;
        keys = new long[size];
        slots = new int[size];
        Arrays.fill(slots, NONE);
        mask = size - 1;
    }

    private int home(long key) {
        return (int) (key * 0x9e3779b97f4a7c15L >>> 32) & mask;
    }

    int get(long key) {
        for (int i = home(key);; i = (i + 1) & mask) {
            if (slots[i] == NONE || keys[i] == key) {
                return slots[i];
            }
        }
    }

    void put(long key, int slot) {
        int i = home(key);
        while (slots[i] != NONE && keys[i] != key) {
            i = (i + 1) & mask;
        }
        keys[i] = key;
        slots[i] = slot;
    }

    /** Removes a key; those that it had pushed on move back, so that no search stops short of them. */
    void remove(long key) {
        int hole = home(key);
        while (slots[hole] != NONE && keys[hole] != key) {
            hole = (hole + 1) & mask;
        }
        if (slots[hole] == NONE) {
            return;
        }
        slots[hole] = NONE;
        for (int i = (hole + 1) & mask; slots[i] != NONE; i = (i + 1) & mask) {
            int home = home(keys[i]);
            boolean stays = hole < i ? home > hole && home <= i : home > hole || home <= i;
            if (!stays) {
                keys[hole] = keys[i];
                slots[hole] = slots[i];
                slots[i] = NONE;
                hole = i;
            }
        }
    }
}
