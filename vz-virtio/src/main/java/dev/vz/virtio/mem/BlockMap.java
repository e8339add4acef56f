package dev.vz.virtio.mem;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Which blocks of a region are plugged. Ranges are of block numbers, and inside the region. Thread-safe. */
final class BlockMap {

    private final BitSet plugged;
    private int count;

    BlockMap(int blocks) {
        plugged = new BitSet(blocks);
    }

    synchronized int count() {
        return count;
    }

    synchronized boolean allPlugged(int first, int blocks) {
        return plugged.nextClearBit(first) >= first + blocks;
    }

    synchronized boolean allUnplugged(int first, int blocks) {
        int next = plugged.nextSetBit(first);
        return next < 0 || next >= first + blocks;
    }

    /** Plugs blocks that are not. */
    synchronized void plug(int first, int blocks) {
        plugged.set(first, first + blocks);
        count += blocks;
    }

    /** Unplugs blocks that are plugged. */
    synchronized void unplug(int first, int blocks) {
        plugged.clear(first, first + blocks);
        count -= blocks;
    }

    synchronized List<PluggableMemoryState.Run> runs() {
        var runs = new ArrayList<PluggableMemoryState.Run>();
        for (int at = plugged.nextSetBit(0); at >= 0;) {
            int end = plugged.nextClearBit(at);
            runs.add(new PluggableMemoryState.Run(at, end - at));
            at = plugged.nextSetBit(end);
        }
        return runs;
    }

    synchronized void restore(List<PluggableMemoryState.Run> runs) {
        plugged.clear();
        count = 0;
        runs.forEach(run -> plug(run.first(), run.count()));
    }
}
