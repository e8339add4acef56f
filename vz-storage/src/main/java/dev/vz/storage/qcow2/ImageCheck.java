package dev.vz.storage.qcow2;

import dev.vz.storage.image.Budget;
import dev.vz.error.ConfigurationException;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Counts the uses of every cluster and compares them with the refcounts; checks the copied flags of the active tables.
 * Used under the driver's metadata lock, with nothing in flight and all metadata written.
 */
final class ImageCheck {

    private static final int MAX_MESSAGES = 1000;

    private final Tables tables;
    private final Geometry geometry;
    private final ImageFile file;
    private final long fileClusters;
    private final ClusterCounts counts = new ClusterCounts();
    private final List<String> messages = new ArrayList<>();
    private long corruptions;
    private long leaks;
    private long corruptionsFixed;
    private long leaksFixed;
    private long allocated;
    private long fragmented;
    private long compressed;
    private long lastHost = -1;
    /** Whether every refcount was found to be what was counted. */
    private boolean sound = true;
    private final int stride;
    private final short[] refcounts = new short[EntryRuns.PIECE];

    ImageCheck(Tables tables) {
        this.tables = tables;
        this.geometry = tables.geometry;
        this.stride = geometry.entrySize() / Long.BYTES;
        this.file = tables.file;
        this.fileClusters = geometry.clusters(file.size());
    }

    CheckReport check() {
        count();
        compareRefcounts(false, false);
        checkCopied(false);
        return report();
    }

    CheckReport repair(boolean all) {
        count();
        long unreadable = corruptions;
        if (all && unreadable == 0) {
            compareRefcounts(true, true);
            checkCopied(true);
        } else {
            compareRefcounts(all, true);
            checkCopied(false);
        }
        tables.writeBack();
        tables.flushFiles();
        Qcow2Header header = tables.header();
        if (all && corruptions == 0 && header.version() >= 3) {
            // Only now, with everything durable, may anyone trust the image again.
            tables.writeHeader(header.withFeatures(header.incompatibleFeatures() & ~(Feature.DIRTY | Feature.CORRUPT),
                    header.autoclearFeatures() & (Feature.RAW_DATA_FILE | Feature.BITMAPS)));
            tables.flushFiles();
        }
        return report();
    }

    private CheckReport report() {
        return new CheckReport(corruptions, leaks, corruptionsFixed, leaksFixed, geometry.clusters(tables.header()
                .size()), allocated, fragmented, compressed, counts.end() << geometry.clusterBits(), 0,
                List.copyOf(messages));
    }

    private void count() {
        use(0, 1, "the header");
        Qcow2Header header = tables.header();
        use(header.refcountTableOffset(), header.refcountTableClusters(), "the refcount table");
        long[] blocks = tables.refcounts.table();
        for (int i = 0; i < blocks.length; i++) {
            if (blocks[i] != 0) {
                use(blocks[i], 1, "refcount block " + i);
            }
        }
        countL1(tables.l1(), header.l1TableOffset(), true, "the active L1 table");
        SnapshotTable snapshots = SnapshotTable.read(file, header);
        use(header.snapshotsOffset(), geometry.clusters(snapshots.storedBytes()), "the snapshot table");
        for (Snapshot snapshot : snapshots.snapshots()) {
            long[] l1 = snapshots.l1(file, geometry, snapshot);
            countL1(l1, snapshot.l1TableOffset(), false, "the L1 table of snapshot " + snapshot.id());
        }
        if (header.cryptMethod() == Qcow2Header.LUKS) {
            Qcow2Header.EncryptionHeader encryption = header.encryptionHeader();
            use(encryption.offset(), geometry.clusters(encryption.length()), "the encryption header");
        }
        BitmapDirectory.forEachCluster(file, header, this::use);
    }

    private void countL1(long[] l1, long offset, boolean active, String what) {
        use(offset, geometry.clusters(l1.length * 8L), what);
        long[] entries = new long[geometry.clusterSize() / Long.BYTES];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(geometry.clusterSize());
            for (int i = 0; i < l1.length; i++) {
                long at = l1[i] & Geometry.OFFSET_MASK;
                if (at != 0 && use(at, 1, "L2 table " + i)) {
                    file.read(at, table);
                    EntryRuns.read(table, entries);
                    countL2(entries, active);
                }
            }
        }
    }

    private void countL2(long[] entries, boolean active) {
        int at = 0;
        lastHost = -1; // as qemu-img counts: between two tables nothing is fragmented
        while (at < entries.length) {
            long entry = entries[at];
            if ((entry & Geometry.COMPRESSED) == 0) {
                at += stride * countRun(entries, at, entry & Geometry.OFFSET_MASK, active);
                continue;
            }
            long from = geometry.compressedOffset(entry);
            long to = from + geometry.compressedLength(entry);
            long first = geometry.clusterStart(from);
            use(first, geometry.clusters(to - first), "a compressed cluster");
            if (active) {
                allocated++;
                compressed++;
                fragmented++; // as qemu-img counts: it never adjoins
            }
            at += stride;
        }
    }

    /** Counts the clusters of the entries from {@code at} on that adjoin, or that are none; how many entries they are. */
    private int countRun(long[] entries, int at, long host, boolean active) {
        boolean has = host != 0 || tables.hasDataFile() && (entries[at] & Geometry.COPIED) != 0;
        long mask = Geometry.OFFSET_MASK | Geometry.COMPRESSED | (tables.hasDataFile() ? Geometry.COPIED : 0);
        int run = EntryRuns.adjoining(entries, at, Math.min(entries.length, at + EntryRuns.PIECE * stride), stride,
                mask,
                entries[at] & mask, has ? geometry.clusterSize() : 0);
        if (!has) {
            return run;
        }
        if (active) {
            allocated += run;
            if (lastHost >= 0 && host != lastHost + geometry.clusterSize()) {
                fragmented++;
            }
            lastHost = host + (run - 1L) * geometry.clusterSize();
        }
        long first = host >>> geometry.clusterBits();
        if (tables.hasDataFile()) {
            return run;
        }
        if ((host & geometry.clusterSize() - 1) == 0 && first <= fileClusters - run) {
            counts.addRange(first, run);
        } else {
            for (int i = 0; i < run; i++) {
                use(host + (long) i * geometry.clusterSize(), 1, "a data cluster");
            }
        }
        return run;
    }

    /** Counts a use of clusters from {@code offset} on; {@code false} if they cannot be. */
    private boolean use(long offset, long clusters, String what) {
        if (clusters == 0) {
            return true;
        }
        long first = offset >>> geometry.clusterBits();
        if (offset < 0 || (offset & geometry.clusterSize() - 1) != 0) {
            corruption(what + " is at 0x" + Long.toHexString(offset) + ", which is not the start of a cluster");
            return false;
        }
        if (clusters > fileClusters || first > fileClusters - clusters) {
            corruption(what + " at 0x" + Long.toHexString(offset) + " is past the end of the file");
            return false;
        }
        counts.addRange(first, clusters);
        return true;
    }

    private void compareRefcounts(boolean fixErrors, boolean fixLeaks) {
        long perBlock = geometry.refcountsPerBlock();
        long[] blocks = tables.refcounts.table();
        long end = Math.max(fileClusters, counts.end());
        for (long index = 0; index < Math.max(blocks.length, (end + perBlock - 1) / perBlock); index++) {
            boolean covered = index < blocks.length && blocks[(int) index] != 0;
            if (covered && (blocks[(int) index] & geometry.clusterSize() - 1) != 0) {
                continue; // said already
            }
            if (!covered && index * perBlock >= end) {
                continue;
            }
            for (long cluster = index * perBlock; cluster < (index + 1) * perBlock; cluster++) {
                if (!covered && cluster >= end) {
                    break;
                }
                if ((cluster & refcounts.length - 1) == 0 && tables.refcounts.getAll(cluster, refcounts) && counts
                        .agreeing(cluster, refcounts) == refcounts.length) {
                    cluster += refcounts.length - 1;
                    continue;
                }
                compare(cluster, fixErrors, fixLeaks);
            }
        }
    }

    private void compare(long cluster, boolean fixErrors, boolean fixLeaks) {
        long refcount = tables.refcounts.get(cluster);
        long used = counts.get(cluster);
        if (refcount == used) {
            return;
        }
        sound = false;
        boolean leak = refcount > used || refcount < 0;
        boolean fix = (leak ? fixLeaks : fixErrors) && used <= geometry.maxRefcount();
        if (fix) {
            tables.refcounts.set(cluster, used);
        }
        say((fix ? "Repairing cluster " : leak ? "Leaked cluster " : "ERROR cluster ") + cluster + " refcount="
                + refcount + " reference=" + used);
        if (leak) {
            leaks += fix ? 0 : 1;
            leaksFixed += fix ? 1 : 0;
        } else {
            corruptions += fix ? 0 : 1;
            corruptionsFixed += fix ? 1 : 0;
        }
    }

    private void checkCopied(boolean fix) {
        long[] l1 = tables.l1();
        long[] entries = new long[geometry.clusterSize() / Long.BYTES];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(geometry.clusterSize());
            for (int i = 0; i < l1.length; i++) {
                long at = l1[i] & Geometry.OFFSET_MASK;
                if (at == 0 || (at & geometry.clusterSize() - 1) != 0 || at >> geometry.clusterBits() >= fileClusters) {
                    continue;
                }
                boolean once = tables.refcounts.get(at >>> geometry.clusterBits()) == 1;
                if (once != ((l1[i] & Geometry.COPIED) != 0)) {
                    copied("L1 entry " + i, fix);
                    if (fix) {
                        tables.setL1(i, l1[i] ^ Geometry.COPIED);
                    }
                }
                file.read(at, table);
                EntryRuns.read(table, entries);
                if (checkL2Copied(table, entries, fix)) {
                    file.write(at, table);
                    tables.l2Cache.forget(at, geometry.clusterSize());
                }
            }
        }
    }

    private boolean checkL2Copied(MemorySegment table, long[] entries, boolean fix) {
        boolean changed = false;
        int at = 0;
        while (at < entries.length && !tables.hasDataFile()) {
            long entry = entries[at];
            long host = entry & Geometry.OFFSET_MASK;
            if ((entry & Geometry.COMPRESSED) != 0 || host == 0 || (host & geometry.clusterSize() - 1) != 0) {
                at += stride;
                continue;
            }
            int right = rightlyFlagged(entries, at);
            if (right > 0) {
                at += right * stride;
                continue;
            }
            boolean once = tables.refcounts.get(host >>> geometry.clusterBits()) == 1;
            if (once != ((entry & Geometry.COPIED) != 0)) {
                copied("The L2 entry for 0x" + Long.toHexString(host), fix);
                if (fix) {
                    table.set(BigEndian.LONG, (long) at * Long.BYTES, entry ^ Geometry.COPIED);
                    changed = true;
                }
            }
            at += stride;
        }
        return changed;
    }

    /** How many entries from {@code at} on adjoin and have a flag that goes with what was counted; 0 if that is not known. */
    private int rightlyFlagged(long[] entries, int at) {
        if (!sound) {
            return 0;
        }
        long mask = Geometry.OFFSET_MASK | Geometry.COMPRESSED | Geometry.COPIED;
        int run = EntryRuns.adjoining(entries, at, Math.min(entries.length, at + EntryRuns.PIECE * stride), stride,
                mask,
                entries[at] & mask, geometry.clusterSize());
        return counts.usedOnce((entries[at] & Geometry.OFFSET_MASK) >>> geometry.clusterBits(), run,
                (entries[at] & Geometry.COPIED) != 0);
    }

    private void copied(String what, boolean fix) {
        say((fix ? "Repairing" : "ERROR") + " OFLAG_COPIED: " + what + " has a copied flag that does not go with its "
                + "refcount");
        corruptions += fix ? 0 : 1;
        corruptionsFixed += fix ? 1 : 0;
    }

    private void corruption(String what) {
        corruptions++;
        say("ERROR " + what);
    }

    private void say(String message) {
        if (messages.size() < MAX_MESSAGES) {
            messages.add(message);
        }
    }

    /** Repairs an image that is not open. */
    static CheckReport repair(ImageFile file, boolean all, Budget budget) {
        Qcow2Header header = HeaderParser.parse(file, budget);
        var tables = new Tables(file, file, file, header, budget);
        tables.lock.lock();
        try {
            if (header.incompatible(Feature.DATA_FILE)) {
                throw new ConfigurationException("The image " + file.name()
                        + " keeps its data in another file; open it and repair it there");
            }
            return new ImageCheck(tables).repair(all);
        } finally {
            tables.lock.unlock();
        }
    }
}
