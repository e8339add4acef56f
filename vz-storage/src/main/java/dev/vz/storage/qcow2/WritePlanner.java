package dev.vz.storage.qcow2;

import dev.vz.storage.image.WritePlan;
import dev.vz.storage.qcow2.ClusterMap.UnitKind;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Makes ranges writable: in place where storage is there and nobody else uses it, else in new clusters that are linked
 * when their data is written.
 */
final class WritePlanner {

    private static final int MAX_CLUSTERS = 1024;

    private final Tables tables;
    private final ClusterMap map;
    private final Geometry geometry;
    /** Plans that were made and not yet committed; their guest clusters are nobody else's until then. */
    private @Nullable WritePlan[] open = new WritePlan[16];
    private int openCount;
    private final int[] taken = new int[1];

    WritePlanner(Tables tables, ClusterMap map) {
        this.tables = tables;
        this.map = map;
        this.geometry = tables.geometry;
    }

    void prepare(long offset, long length, WritePlan plan) {
        tables.lock.lock();
        try {
            tables.requireSound();
            long mine = awaitTurn(offset, length);
            tables.makeL2Writable(offset);
            MemorySegment slice = tables.l2Cache.slice(map.slot(tables.l2Table(offset), offset));
            int at = map.atInSlice(offset);
            long entry = map.entry(slice, at);
            UnitKind kind = map.kind(entry, map.bitmap(slice, at), map.unitIndex(offset), offset);
            boolean owned = (entry & Geometry.COPIED) != 0;
            long inCluster = offset & geometry.clusterSize() - 1;
            if (kind == UnitKind.NORMAL && owned) {
                long host = map.host(entry) + inCluster;
                long run = map.run(slice, at, offset, mine, kind, host, true);
                requireNoMetadata(host, run);
                plan.inPlace(tables.data, offset, host, run);
            } else if (kind.hasStorage() && owned) {
                reuse(offset, Math.min(mine, geometry.clusterSize() - inCluster), slice, at, kind, plan);
            } else {
                allocate(offset, mine, slice, at, plan);
            }
        } finally {
            tables.lock.unlock();
        }
    }

    /** Waits until no open plan has the cluster of {@code offset}; returns how much of the length is free of them. */
    long awaitTurn(long offset, long length) {
        while (true) {
            long start = geometry.clusterStart(offset);
            long end = offset + length;
            boolean busy = false;
            for (int i = 0; i < openCount && !busy; i++) {
                WritePlan other = open[i];
                if (other == null || other.driverEnd <= start || other.driverStart >= end) {
                    continue;
                }
                busy = other.driverStart <= offset;
                end = Math.min(end, other.driverStart);
            }
            if (!busy) {
                return end - offset;
            }
            tables.settled.awaitUninterruptibly();
        }
    }

    private void requireNoMetadata(long host, long length) {
        if (tables.hasDataFile()) {
            return;
        }
        for (long cluster = host >>> geometry.clusterBits(); cluster <= host + length - 1 >>> geometry
                .clusterBits(); cluster++) {
            if (tables.metadata.contains(cluster)) {
                throw tables.corrupt("a data cluster at 0x" + Long.toHexString(cluster << geometry.clusterBits())
                        + " is also the place of metadata");
            }
        }
    }

    /** Writes into storage that the cluster has, but that does not count as data yet. */
    private void reuse(long offset, long length, MemorySegment slice, int at, UnitKind kind, WritePlan plan) {
        long start = geometry.clusterStart(offset);
        long entry = map.entry(slice, at);
        long end = offset + length;
        long fillStart = offset & -geometry.unitSize();
        long fillEnd = end + geometry.unitSize() - 1 & -geometry.unitSize();
        if (kind == UnitKind.NORMAL) {
            fillStart = offset;
        }
        if (map.kind(entry, map.bitmap(slice, at), map.unitIndex(end - 1), end - 1) == UnitKind.NORMAL) {
            fillEnd = end;
        }
        requireNoMetadata(map.host(entry), geometry.clusterSize());
        plan.allocating(tables.data, offset, map.host(entry) + offset - start, length, fillStart, fillEnd, false);
        enter(plan, start, start + geometry.clusterSize(), map.host(entry), true);
    }

    private void allocate(long offset, long length, MemorySegment slice, int at, WritePlan plan) {
        long start = geometry.clusterStart(offset);
        int wanted = 1;
        int position = at + geometry.entrySize();
        while (wanted < MAX_CLUSTERS && start + (long) wanted * geometry.clusterSize() < offset + length
                && position < tables.l2Cache.sliceSize() && needsCluster(map.entry(slice, position))) {
            wanted++;
            position += geometry.entrySize();
        }
        long host;
        if (tables.hasDataFile()) {
            host = start;
            taken[0] = wanted;
        } else {
            host = tables.refcounts.allocate(wanted, taken) << geometry.clusterBits();
        }
        // Allocating may have written everything back and read other slices: look at the entries again.
        long planEnd = start + (long) taken[0] * geometry.clusterSize();
        long end = Math.min(offset + length, planEnd);
        long fillStart = keepsOldData(offset) ? start : offset & -geometry.unitSize();
        long fillEnd = keepsOldData(end - 1) ? geometry.clusterStart(end - 1) + geometry.clusterSize()
                : end + geometry.unitSize() - 1 & -geometry.unitSize();
        // Encrypted, nothing reads as zeros that was not written.
        boolean fresh = !tables.hasDataFile() && !tables.isEncrypted() && host >= tables.file.size();
        plan.allocating(tables.data, offset, host + offset - start, end - offset, fillStart, fillEnd, fresh);
        enter(plan, start, planEnd, host, false);
    }

    /** Whether a write to the cluster goes to a new one. */
    private boolean needsCluster(long entry) {
        return (entry & Geometry.COPIED) == 0 || (entry & Geometry.COMPRESSED) != 0 || !map.hasHost(entry);
    }

    /** Whether the cluster of {@code offset} holds data that a new cluster must take over as a whole. */
    private boolean keepsOldData(long offset) {
        MemorySegment slice = tables.l2Cache.slice(map.slot(tables.l2Table(offset), offset));
        int at = map.atInSlice(offset);
        long entry = map.entry(slice, at);
        return !geometry.extended() || (entry & Geometry.COMPRESSED) != 0 || map.hasHost(entry);
    }

    void enter(WritePlan plan, long start, long end, long host, boolean reuse) {
        plan.driverStart = start;
        plan.driverEnd = end;
        plan.driverTarget = host;
        plan.driverReuse = reuse;
        if (openCount == open.length) {
            open = Arrays.copyOf(open, openCount * 2);
        }
        open[openCount++] = plan;
    }

    void leave(WritePlan plan) {
        for (int i = 0; i < openCount; i++) {
            if (open[i] == plan) {
                open[i] = open[--openCount];
                open[openCount] = null;
                break;
            }
        }
        tables.settled.signalAll();
    }

    void commit(WritePlan plan) {
        commit(plan, true);
    }

    /** Links the storage without anything having been written to it: with subclusters, none of them counts as data. */
    void commitUnwritten(WritePlan plan) {
        commit(plan, false);
    }

    private void commit(WritePlan plan, boolean written) {
        tables.lock.lock();
        try {
            for (long offset = plan.driverStart; offset < plan.driverEnd; offset += geometry.clusterSize()) {
                link(offset, plan.driverTarget + offset - plan.driverStart, plan, written);
            }
        } finally {
            leave(plan);
            tables.lock.unlock();
        }
    }

    private void link(long offset, long host, WritePlan plan, boolean written) {
        int slot = map.slot(tables.l2Table(offset), offset);
        MemorySegment slice = tables.l2Cache.slice(slot);
        int at = map.atInSlice(offset);
        long old = map.entry(slice, at);
        slice.set(BigEndian.LONG, at, host | Geometry.COPIED);
        if (geometry.extended()) {
            long from = Math.max(plan.fillStart(), offset);
            long to = Math.min(plan.fillEnd(), offset + geometry.clusterSize());
            long units = mask(map.unitIndex(from), map.unitIndex(to - 1));
            long before = map.bitmap(slice, at);
            // In a new cluster only what was just written is data.
            long kept = plan.driverReuse ? before : before & 0xffff_ffff_0000_0000L;
            slice.set(BigEndian.LONG, at + 8, written ? kept & ~(units << Geometry.SUBCLUSTERS) | units : kept);
        }
        tables.l2Cache.changed(slot, at, at + geometry.entrySize());
        if (!plan.driverReuse) {
            release(old);
        }
    }

    /** Bits {@code first} to {@code last}. */
    static long mask(int first, int last) {
        return (1L << last - first + 1) - 1 << first;
    }

    /** What {@code entry} pointed to is used once less. */
    void release(long entry) {
        if ((entry & Geometry.COMPRESSED) != 0) {
            long from = geometry.compressedOffset(entry) >>> geometry.clusterBits();
            long to = geometry.compressedOffset(entry) + geometry.compressedLength(entry) - 1 >>> geometry
                    .clusterBits();
            tables.refcounts.release(from, to - from + 1);
        } else if (map.host(entry) != 0 && !tables.hasDataFile()) {
            tables.refcounts.release(map.host(entry) >>> geometry.clusterBits(), 1);
        }
    }

    void abort(WritePlan plan) {
        tables.lock.lock();
        try {
            if (!plan.driverReuse && !tables.hasDataFile()) {
                long first = plan.driverTarget >>> geometry.clusterBits();
                long end = first + (plan.driverEnd - plan.driverStart >>> geometry.clusterBits());
                for (long cluster = first; cluster < end; cluster++) {
                    tables.refcounts.decrement(cluster);
                }
            }
        } finally {
            leave(plan);
            tables.lock.unlock();
        }
    }
}
