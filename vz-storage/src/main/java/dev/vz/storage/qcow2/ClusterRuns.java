package dev.vz.storage.qcow2;

import java.util.Arrays;

/** Runs of clusters, in the order in which they were added; adjoining ones become one. */
final class ClusterRuns {

    private long[] first = new long[16];
    private long[] length = new long[16];
    private int count;
    private long clusters;

    void add(long cluster, long number) {
        clusters += number;
        if (count > 0 && first[count - 1] + length[count - 1] == cluster) {
            length[count - 1] += number;
            return;
        }
        if (count == first.length) {
            first = Arrays.copyOf(first, count * 2);
            length = Arrays.copyOf(length, count * 2);
        }
        first[count] = cluster;
        length[count++] = number;
    }

    int count() {
        return count;
    }

    long first(int index) {
        return first[index];
    }

    long length(int index) {
        return length[index];
    }

    /** The sum of all lengths. */
    long clusters() {
        return clusters;
    }
}
