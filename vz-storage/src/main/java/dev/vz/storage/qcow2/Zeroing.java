package dev.vz.storage.qcow2;

import dev.vz.storage.qcow2.ClusterMap.UnitKind;
import java.lang.foreign.MemorySegment;

/** Makes ranges read as zeros by their L2 entries alone, and gives their storage back. */
final class Zeroing {

    private final Tables tables;
    private final ClusterMap map;
    private final WritePlanner planner;
    private final Geometry geometry;

    Zeroing(Tables tables, ClusterMap map, WritePlanner planner) {
        this.tables = tables;
        this.map = map;
        this.planner = planner;
        this.geometry = tables.geometry;
    }

    /** See {@link dev.vz.storage.image.ImageDriver#zero}. */
    long zero(long offset, long length, boolean mayUnmap, boolean backed, long diskSize) {
        int unit = geometry.unitSize();
        if ((offset & unit - 1) != 0) {
            return 0;
        }
        long end = offset + length;
        if (end < diskSize) {
            end &= -unit;
        }
        if (end <= offset || tables.header().version() < 3 && backed) {
            return 0; // version 2 has no way to say zero over a backing file
        }
        tables.lock.lock();
        try {
            tables.requireSound();
            long spanEnd = (offset & -geometry.l2Span()) + geometry.l2Span();
            end = offset + planner.awaitTurn(offset, Math.min(end, spanEnd) - offset);
            if (end < diskSize) {
                end &= -unit;
            }
            if (end <= offset) {
                return 0;
            }
            if (tables.l2Table(offset) == 0 && !backed) {
                return end - offset;
            }
            tables.makeL2Writable(offset);
            long at = offset;
            while (at < end) {
                long next = Math.min(end, geometry.clusterStart(at) + geometry.clusterSize());
                if (!zeroCluster(at, next, mayUnmap, backed, diskSize)) {
                    break;
                }
                at = next;
            }
            if (tables.hasDataFile() && at > offset) {
                tables.dataFile.writeZeroes(offset, at - offset, mayUnmap);
            }
            return at - offset;
        } finally {
            tables.lock.unlock();
        }
    }

    /** Zeros of one cluster, as a whole or some of its subclusters; {@code false} if that takes writing. */
    private boolean zeroCluster(long from, long to, boolean mayUnmap, boolean backed, long diskSize) {
        int slot = map.slot(tables.l2Table(from), from);
        MemorySegment slice = tables.l2Cache.slice(slot);
        int at = map.atInSlice(from);
        long entry = map.entry(slice, at);
        long bitmap = map.bitmap(slice, at);
        boolean compressed = (entry & Geometry.COMPRESSED) != 0;
        long start = geometry.clusterStart(from);
        boolean whole = from == start && (to == start + geometry.clusterSize() || to == diskSize);
        if (!whole && compressed) {
            return false;
        }
        boolean storage = !compressed && map.hasHost(entry);
        boolean keep = storage && (!whole || !mayUnmap && (entry & Geometry.COPIED) != 0);
        long newEntry = keep ? entry : 0;
        long newBitmap = bitmap;
        if (geometry.extended()) {
            long units = WritePlanner.mask(map.unitIndex(from), whole ? 31 : map.unitIndex(to - 1));
            newBitmap = (keep || !storage && !compressed ? bitmap & ~units : 0) | units << Geometry.SUBCLUSTERS;
        } else if (map.kind(entry, 0, 0, from) != UnitKind.UNALLOCATED || backed) {
            newEntry |= tables.header().version() >= 3 ? Geometry.ZERO : 0;
        }
        if (newEntry != entry || newBitmap != bitmap) {
            slice.set(BigEndian.LONG, at, newEntry);
            if (geometry.extended()) {
                slice.set(BigEndian.LONG, at + 8, newBitmap);
            }
            tables.l2Cache.changed(slot, at, at + geometry.entrySize());
            if (!keep) {
                planner.release(entry);
            }
        }
        return true;
    }
}
