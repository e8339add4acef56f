package dev.vz.storage.filter;

import java.util.ArrayDeque;

/** The requests of one device under a scheduler. Under the scheduler's lock. */
final class Flow {

    final int weight;
    /** Requests that wait, for policies that queue by device. */
    final ArrayDeque<Scheduled> waiting = new ArrayDeque<>();
    /** Bytes that it may still send in this round. */
    long deficit;
    /** Whether it is among those that take turns. */
    boolean active;

    Flow(int weight) {
        this.weight = weight;
    }
}
