package dev.vz.storage.qcow2;

import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Stores clusters compressed: packed outside of the lock, put into the file, then linked. */
record CompressedWriter(ImageFile file, Tables tables, ClusterMap map, WritePlanner planner,
        ClusterCompression compression, Bitmaps bitmaps) {

    private Geometry geometry() {
        return tables.geometry;
    }

    /** Whether {@code length} bytes of {@code source} became smaller, and are the cluster at {@code offset} now. */
    boolean write(long offset, MemorySegment source, long sourceOffset, long length) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment unit = source.asSlice(sourceOffset, length);
            if (length < geometry().clusterSize() || !source.isNative()) {
                unit = arena.allocate(geometry().clusterSize());
                MemorySegment.copy(source, sourceOffset, unit, 0, length);
            }
            MemorySegment packed = arena.allocate(geometry().clusterSize() - 1);
            int size = compression.pack(unit, packed);
            if (size == 0) {
                return false;
            }
            bitmaps.mark(offset, length);
            store(offset, packed, size);
            return true;
        }
    }

    private void store(long offset, MemorySegment packed, int size) {
        var plan = new WritePlan();
        long place;
        tables.lock.lock();
        try {
            tables.requireSound();
            planner.awaitTurn(offset, geometry().clusterSize());
            tables.makeL2Writable(offset);
            place = tables.refcounts.allocateBytes(size);
            planner.enter(plan, offset, offset + geometry().clusterSize(), place, false);
        } finally {
            tables.lock.unlock();
        }
        boolean written = false;
        try {
            file.write(place, packed, 0, size);
            written = true;
        } finally {
            tables.lock.lock();
            try {
                if (written) {
                    link(offset, geometry().compressedEntry(place, size));
                } else {
                    planner.release(geometry().compressedEntry(place, size));
                }
            } finally {
                planner.leave(plan);
                tables.lock.unlock();
            }
        }
    }

    private void link(long offset, long entry) {
        int slot = map.slot(tables.l2Table(offset), offset);
        MemorySegment slice = tables.l2Cache.slice(slot);
        int at = map.atInSlice(offset);
        planner.release(map.entry(slice, at));
        slice.set(BigEndian.LONG, at, entry);
        if (geometry().extended()) {
            slice.set(BigEndian.LONG, at + 8, 0L);
        }
        tables.l2Cache.changed(slot, at, at + geometry().entrySize());
    }
}
