package dev.vz.storage.qcow2;

import dev.vz.error.ConfigurationException;
import java.lang.foreign.MemorySegment;

/** Changes the version of an image. Used under the metadata lock, with nothing in flight and everything written. */
final class Amendment {

    private final Tables tables;
    private final ClusterMap map;
    private final Geometry geometry;
    private final boolean backed;

    Amendment(Tables tables, ClusterMap map, boolean backed) {
        this.tables = tables;
        this.map = map;
        this.geometry = tables.geometry;
        this.backed = backed;
    }

    void run(int version, boolean lazyRefcounts) {
        Qcow2Header header = tables.header();
        if (version == 2 && header.version() > 2) {
            requireOldEnough(header);
            expandZeros();
            tables.writeBack();
            tables.flushFiles();
        }
        tables.writeHeader(tables.header().withVersion(version, lazyRefcounts));
        tables.flushFiles();
    }

    private void requireOldEnough(Qcow2Header header) {
        String obstacle = null;
        if (header.refcountOrder() != 4) {
            obstacle = "its refcounts have " + (1 << header.refcountOrder()) + " bits, not 16";
        } else if (tables.hasDataFile()) {
            obstacle = "it keeps its data in another file";
        } else if ((header.incompatibleFeatures() & ~Feature.DIRTY) != 0) {
            obstacle = "it uses features that version 2 does not know";
        } else if ((header.autoclearFeatures() & Feature.BITMAPS) != 0) {
            obstacle = "it has bitmaps, which version 2 does not know";
        } else if (header.nbSnapshots() > 0) {
            obstacle = "it has internal snapshots, whose zero clusters version 2 could not read";
        }
        if (obstacle != null) {
            throw new ConfigurationException(
                    "Cannot make " + tables.file.name() + " an image of version 2: " + obstacle);
        }
    }

    /** Zeros that only a flag says become storage that holds zeros, or nothing where nothing shows through. */
    private void expandZeros() {
        long[] l1 = tables.l1();
        for (long entry : l1) {
            long table = entry & Geometry.OFFSET_MASK;
            for (int at = 0; table != 0 && at < geometry.clusterSize(); at += tables.l2Cache.sliceSize()) {
                for (int in = 0; in < tables.l2Cache.sliceSize(); in += geometry.entrySize()) {
                    expand(table + at, in);
                }
            }
        }
    }

    private void expand(long slicePlace, int at) {
        MemorySegment slice = tables.l2Cache.slice(tables.l2Cache.slot(slicePlace));
        long entry = map.entry(slice, at);
        if ((entry & Geometry.COMPRESSED) != 0 || (entry & Geometry.ZERO) == 0) {
            return;
        }
        long host = map.host(entry);
        long wanted;
        if (host != 0) {
            wanted = entry & ~Geometry.ZERO;
        } else if (!backed) {
            wanted = 0;
        } else {
            host = tables.refcounts.allocate(1, new int[1]) << geometry.clusterBits();
            wanted = host | Geometry.COPIED;
        }
        if (host != 0) {
            tables.file.writeZeroes(host, geometry.clusterSize(), true);
        }
        // Allocating may have written everything back and read other slices.
        int slot = tables.l2Cache.slot(slicePlace);
        tables.l2Cache.slice(slot).set(BigEndian.LONG, at, wanted);
        tables.l2Cache.changed(slot, at, at + geometry.entrySize());
    }
}
