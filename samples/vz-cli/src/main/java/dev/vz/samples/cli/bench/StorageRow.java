package dev.vz.samples.cli.bench;

import java.io.IOException;
import java.util.List;

/**
 * One comparison: the same work by several contestants, of whom {@code vz} is one.
 *
 * @param group       the kind of work
 * @param name        what the table calls it
 * @param unit        what the figures are
 * @param contestants who does it, in the order of each turn
 */
record StorageRow(StorageBench.Group group, String name, Unit unit, List<Contestant> contestants) {

    /** What figures are. */
    enum Unit {
        /** As the program itself tells. */
        SECONDS,
        /** Of a process from its start to its end. */
        PROCESS_SECONDS,
        /** Requests per second. */
        PER_SECOND,
        /** MiB per second. */
        MEBIBYTES
    }

    /** Does the work once. */
    @FunctionalInterface
    interface Work {
        /** The figure. */
        double measure() throws IOException, InterruptedException;
    }

    /**
     * Somebody who does it.
     *
     * @param name what the table calls it
     * @param run  does the work once
     */
    record Contestant(String name, Work run) {}
}
