package dev.vz.storage.qcow2;

import dev.vz.storage.image.Mapping;
import java.lang.foreign.MemorySegment;

/**
 * Reads L2 entries: sections "Cluster mapping" and "Extended L2 Entries". Used under the lock of {@link Tables}, but
 * where a method takes it.
 */
final class ClusterMap {

    /** What an L2 entry says about a subcluster, or about a cluster where there are no subclusters. */
    enum UnitKind {
        UNALLOCATED,
        /** Like the former, in a cluster that has storage for other subclusters. */
        UNALLOCATED_KEPT,
        ZERO,
        /** Zeros, and there is storage. */
        ZERO_KEPT,
        NORMAL,
        COMPRESSED;

        boolean hasStorage() {
            return this == UNALLOCATED_KEPT || this == ZERO_KEPT || this == NORMAL;
        }
    }

    private final Tables tables;
    private final Geometry geometry;
    private final long[] piece = new long[EntryRuns.PIECE];

    ClusterMap(Tables tables) {
        this.tables = tables;
        this.geometry = tables.geometry;
    }

    /** The slot of the L2 slice with the entry for {@code offset}, whose table is at {@code table}. */
    int slot(long table, long offset) {
        int at = tables.entryAt(offset);
        return tables.l2Cache.slot(table + (at & -tables.l2Cache.sliceSize()));
    }

    /** Where in that slice the entry is. */
    int atInSlice(long offset) {
        return tables.entryAt(offset) & tables.l2Cache.sliceSize() - 1;
    }

    long entry(MemorySegment slice, int at) {
        return BigEndian.getLong(slice, at);
    }

    long bitmap(MemorySegment slice, int at) {
        return geometry.extended() ? BigEndian.getLong(slice, at + 8) : 0;
    }

    int unitIndex(long offset) {
        return geometry.extended() ? (int) (offset >>> geometry.unitBits() & Geometry.SUBCLUSTERS - 1) : 0;
    }

    /** Host offset of the cluster that an uncompressed entry names; 0 for none. */
    long host(long entry) {
        return entry & Geometry.OFFSET_MASK;
    }

    /** Whether an uncompressed entry names storage: in a data file, offset 0 is a place like any other. */
    boolean hasHost(long entry) {
        return host(entry) != 0 || tables.hasDataFile() && (entry & Geometry.COPIED) != 0;
    }

    UnitKind kind(long entry, long bitmap, int unit, long offset) {
        if ((entry & Geometry.COMPRESSED) != 0) {
            if (tables.hasDataFile()) {
                throw tables.corrupt("the cluster at " + offset + " is compressed, but data is in another file");
            }
            return UnitKind.COMPRESSED;
        }
        if ((host(entry) & geometry.clusterSize() - 1) != 0) {
            throw tables.corrupt("the cluster at " + offset + " is mapped to 0x" + Long.toHexString(host(entry))
                    + ", which is not the start of a cluster");
        }
        boolean storage = hasHost(entry);
        if (!geometry.extended()) {
            if ((entry & Geometry.ZERO) != 0) {
                if (tables.header().version() < 3) {
                    throw tables.corrupt("the cluster at " + offset
                            + " has the zero flag, which version 2 does not know");
                }
                return storage ? UnitKind.ZERO_KEPT : UnitKind.ZERO;
            }
            return storage ? UnitKind.NORMAL : UnitKind.UNALLOCATED;
        }
        boolean allocated = (bitmap >>> unit & 1) != 0;
        boolean zero = (bitmap >>> unit + Geometry.SUBCLUSTERS & 1) != 0;
        if (allocated && (zero || !storage)) {
            throw tables.corrupt("subcluster " + unit + " of the cluster at " + offset
                    + (zero ? " is both allocated and zero" : " is allocated, but its cluster is not"));
        }
        if (zero) {
            return storage ? UnitKind.ZERO_KEPT : UnitKind.ZERO;
        }
        return allocated ? UnitKind.NORMAL : storage ? UnitKind.UNALLOCATED_KEPT : UnitKind.UNALLOCATED;
    }

    /** Tells where data is; takes the lock itself. */
    void locate(long offset, long length, Mapping mapping) {
        tables.lock.lock();
        try {
            find(offset, length, mapping);
        } finally {
            tables.lock.unlock();
        }
    }

    /** The same, if the lock is free and the entry's slice in memory; whether they are. */
    boolean locateNow(long offset, long length, Mapping mapping) {
        if (!tables.lock.tryLock()) {
            return false;
        }
        try {
            long table = tables.l2Table(offset);
            if (table != 0 && !tables.l2Cache.holds(table + (tables.entryAt(offset) & -tables.l2Cache.sliceSize()))) {
                return false;
            }
            find(offset, length, mapping);
            return true;
        } finally {
            tables.lock.unlock();
        }
    }

    private void find(long offset, long length, Mapping mapping) {
        long table = tables.l2Table(offset);
        if (table == 0) {
            mapping.unallocated(Math.min(length, geometry.l2Span() - (offset & geometry.l2Span() - 1)));
            return;
        }
        MemorySegment slice = tables.l2Cache.slice(slot(table, offset));
        int at = atInSlice(offset);
        long entry = entry(slice, at);
        long bitmap = bitmap(slice, at);
        UnitKind kind = kind(entry, bitmap, unitIndex(offset), offset);
        int inCluster = (int) (offset & geometry.clusterSize() - 1);
        if (kind == UnitKind.COMPRESSED) {
            mapping.compressed(tables.file, geometry.compressedOffset(entry), geometry.compressedLength(entry),
                    inCluster,
                    Math.min(length, geometry.clusterSize() - inCluster));
            return;
        }
        long host = host(entry) + inCluster;
        long run = run(slice, at, offset, length, kind, host, false);
        switch (kind) {
            case NORMAL -> mapping.data(tables.data, host, run);
            case ZERO_KEPT -> mapping.zero(tables.data, host, run);
            case ZERO -> mapping.zero(null, 0, run);
            default -> mapping.unallocated(run);
        }
    }

    /**
     * How many bytes from {@code offset} on are of {@code kind} and, where they have storage, adjoin in the file, as far
     * as this slice and {@code length} reach.
     *
     * @param owned whether all must also be used by nobody else
     */
    long run(MemorySegment slice, int at, long offset, long length, UnitKind kind, long host, boolean owned) {
        if (!geometry.extended()) {
            return wholeClusters(slice, at, offset, length, kind, owned);
        }
        long run = geometry.unitSize() - (offset & geometry.unitSize() - 1);
        int position = at;
        long entry = entry(slice, at);
        long bitmap = bitmap(slice, at);
        while (run < length) {
            long next = offset + run;
            if ((next & geometry.clusterSize() - 1) == 0) {
                position += geometry.entrySize();
                if (position >= tables.l2Cache.sliceSize()) {
                    return run;
                }
                entry = entry(slice, position);
                bitmap = bitmap(slice, position);
                if (owned && (entry & Geometry.COPIED) == 0) {
                    return run;
                }
            }
            if (kind(entry, bitmap, unitIndex(next), next) != kind
                    || kind.hasStorage() && host(entry) + (next & geometry.clusterSize() - 1) != host + run) {
                return run;
            }
            run += geometry.unitSize();
        }
        return length;
    }

    /** The same without subclusters: entries go on alike, those with storage by one cluster each. */
    private long wholeClusters(MemorySegment slice, int at, long offset, long length, UnitKind kind, boolean owned) {
        long run = geometry.clusterSize() - (offset & geometry.clusterSize() - 1);
        if (run >= length) {
            return length;
        }
        long flags = Geometry.COMPRESSED | Geometry.ZERO | (owned || tables.hasDataFile() ? Geometry.COPIED : 0);
        long mask = Geometry.OFFSET_MASK | flags;
        long step = kind.hasStorage() ? geometry.clusterSize() : 0;
        long expected = (entry(slice, at) & mask | (owned ? Geometry.COPIED : 0)) + step;
        int position = at + geometry.entrySize();
        long wanted = Math.min(length - run + geometry.clusterSize() - 1 >>> geometry.clusterBits(),
                (tables.l2Cache.sliceSize() - position) / Long.BYTES);
        while (wanted > 0) {
            int count = (int) Math.min(wanted, EntryRuns.PIECE);
            MemorySegment.copy(slice, BigEndian.LONG, position, piece, 0, count);
            int found = EntryRuns.adjoining(piece, 0, count, 1, mask, expected, step);
            run += (long) found << geometry.clusterBits();
            if (found < count) {
                break;
            }
            expected += found * step;
            position += count * Long.BYTES;
            wanted -= count;
        }
        return Math.min(run, length);
    }
}
