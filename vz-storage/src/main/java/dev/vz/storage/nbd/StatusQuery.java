package dev.vz.storage.nbd;

import dev.vz.error.FormatException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a server answers to NBD_CMD_BLOCK_STATUS: runs for each context, by the context's id. */
final class StatusQuery {

    private final Map<Integer, List<MetadataContext.Run>> runs = new TreeMap<>();
    private final long length;

    StatusQuery(long length) {
        this.length = length;
    }

    /** Reads a chunk's payload, whose length has been checked. */
    void chunk(Input input, int at, int bytes) {
        int id = input.intAt(at);
        var list = new ArrayList<MetadataContext.Run>();
        long total = 0;
        for (int i = at + 4; i < at + bytes; i += 8) {
            long run = Integer.toUnsignedLong(input.intAt(i));
            if (run == 0) {
                throw new FormatException("A block status says something about no bytes");
            }
            // The last run may go on past what was asked about.
            long within = Math.min(run, length - total);
            if (within <= 0) {
                break;
            }
            list.add(new MetadataContext.Run(within, input.intAt(i + 4)));
            total += within;
        }
        if (runs.put(id, list) != null) {
            throw new FormatException("Two answers for the context " + id + " in one block status");
        }
    }

    /** The runs of a context, from the first byte on; empty if the server said nothing. */
    List<MetadataContext.Run> runs(int id) {
        return runs.getOrDefault(id, List.of());
    }
}
