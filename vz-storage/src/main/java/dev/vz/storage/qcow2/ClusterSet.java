package dev.vz.storage.qcow2;

import java.util.Arrays;

/** A set of cluster numbers, without an object for each. */
final class ClusterSet {

    private static final long EMPTY = -1;
    private static final long REMOVED = -2;

    private long[] slots = filled(64);
    private int used;
    private int size;

    private static long[] filled(int length) {
        long[] slots = new long[length];
        Arrays.fill(slots, EMPTY);
        return slots;
    }

    boolean contains(long cluster) {
        for (int i = start(cluster, slots.length); slots[i] != EMPTY; i = i + 1 & slots.length - 1) {
            if (slots[i] == cluster) {
                return true;
            }
        }
        return false;
    }

    boolean add(long cluster) {
        if (contains(cluster)) {
            return false;
        }
        if ((used + 1) * 2 > slots.length) {
            rehash();
        }
        int i = start(cluster, slots.length);
        while (slots[i] >= 0) {
            i = i + 1 & slots.length - 1;
        }
        if (slots[i] == EMPTY) {
            used++;
        }
        slots[i] = cluster;
        size++;
        return true;
    }

    void remove(long cluster) {
        for (int i = start(cluster, slots.length); slots[i] != EMPTY; i = i + 1 & slots.length - 1) {
            if (slots[i] == cluster) {
                slots[i] = REMOVED;
                size--;
                return;
            }
        }
    }

    void addRange(long cluster, long count) {
        for (long i = 0; i < count; i++) {
            add(cluster + i);
        }
    }

    void removeRange(long cluster, long count) {
        for (long i = 0; i < count; i++) {
            remove(cluster + i);
        }
    }

    int size() {
        return size;
    }

    private void rehash() {
        long[] old = slots;
        slots = filled(Integer.highestOneBit(Math.max(size, 16)) * 8);
        used = 0;
        size = 0;
        for (long cluster : old) {
            if (cluster >= 0) {
                add(cluster);
            }
        }
    }

    private static int start(long cluster, int length) {
        return (int) (cluster * 0x9e3779b97f4a7c15L >>> 40) & length - 1;
    }
}
