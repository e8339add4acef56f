package dev.vz.storage.qcow2;

import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.Budget;
import dev.vz.storage.file.ImageFile;
import dev.vz.error.ConfigurationException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes, applies and deletes internal snapshots. Used under the driver's metadata lock, with nothing in flight and all
 * metadata written.
 *
 * <p>
 * Refcounts and copied flags of many tables change together, which no order of writes makes atomic. While they do, the
 * header says that refcounts may be wrong: whoever opens the image for writing after a crash counts them anew. What is
 * counted too often in such a state is a leak; what is reachable stays reachable.
 */
final class SnapshotOperations {

    private final Tables tables;
    private final ClusterMap map;
    private final Geometry geometry;
    private final Refcounts refcounts;

    SnapshotOperations(Tables tables, ClusterMap map) {
        this.tables = tables;
        this.map = map;
        this.geometry = tables.geometry;
        this.refcounts = tables.refcounts;
        tables.requireSound();
    }

    private void requireOwnData() {
        if (tables.hasDataFile()) {
            throw new ConfigurationException("The image " + tables.file.name()
                    + " keeps its data in another file, of which there can be no internal snapshots");
        }
    }

    private List<Snapshot> snapshots() {
        return SnapshotTable.read(tables.file, tables.header()).snapshots();
    }

    Snapshot find(String idOrName) {
        return find(snapshots(), idOrName, tables.file.name());
    }

    static Snapshot find(List<Snapshot> all, String idOrName, String image) {
        return all.stream().filter(snapshot -> snapshot.id().equals(idOrName)).findFirst().or(() -> all.stream().filter(
                snapshot -> snapshot.name().equals(idOrName)).findFirst())
                .orElseThrow(() -> new ConfigurationException("The image " + image + " has no snapshot '" + idOrName
                        + "'"));
    }

    /** Makes the disk map nothing. Snapshots keep what they show. */
    void clear() {
        long[] old = tables.l1();
        long oldOffset = tables.header().l1TableOffset();
        tables.setDirty(true);
        long bytes = geometry.clusters(old.length * 8L) << geometry.clusterBits();
        long offset = refcounts.allocateTable(bytes >>> geometry.clusterBits()) << geometry.clusterBits();
        long[] empty = new long[old.length];
        if (bytes > 0) {
            Tables.writeEntries(tables.file, empty, offset, bytes);
        }
        tables.writeBack();
        tables.activateL1(empty, offset, tables.header().size());
        giveBack(old, oldOffset);
        correctCopiedFlags();
        tables.writeBack();
        tables.flushFiles();
        tables.setDirty(false);
    }

    Snapshot create(String name, Instant now) {
        requireOwnData();
        if (name.length() > 255 || name.isEmpty()) {
            throw new ConfigurationException("A snapshot's name has 1 to 255 characters, not " + name.length());
        }
        List<Snapshot> all = snapshots();
        long[] l1 = tables.l1();
        requireCountable(l1);
        tables.setDirty(true);
        long l1Bytes = geometry.clusters(l1.length * 8L) << geometry.clusterBits();
        long l1Offset = refcounts.allocateTable(l1Bytes >>> geometry.clusterBits()) << geometry.clusterBits();
        long[] copy = l1.clone();
        for (int i = 0; i < copy.length; i++) {
            copy[i] &= ~Geometry.COPIED;
        }
        if (l1Bytes > 0) {
            Tables.writeEntries(tables.file, copy, l1Offset, l1Bytes);
        }
        forEachUse(l1, refcounts::increment);
        correctCopiedFlags();
        tables.writeBack();
        tables.flushFiles();
        long id = all.stream().mapToLong(SnapshotOperations::number).max().orElse(0) + 1;
        var snapshot = new Snapshot(Long.toString(id), name, l1Offset, l1.length, (int) now.getEpochSecond(), now
                .getNano(), 0, 0, tables.header().size(), new byte[8]); // an instruction count of 0
        var longer = new ArrayList<>(all);
        longer.add(snapshot);
        writeTable(all, longer);
        tables.setDirty(false);
        return snapshot;
    }

    private static long number(Snapshot snapshot) {
        try {
            return Long.parseLong(snapshot.id());
        } catch (NumberFormatException otherKindOfId) {
            return 0;
        }
    }

    void delete(Snapshot snapshot) {
        requireOwnData();
        List<Snapshot> all = snapshots();
        long[] l1 = l1(snapshot);
        tables.setDirty(true);
        var shorter = new ArrayList<>(all);
        shorter.removeIf(each -> each.id().equals(snapshot.id()));
        writeTable(all, shorter);
        giveBack(l1, snapshot.l1TableOffset());
        correctCopiedFlags();
        tables.writeBack();
        tables.flushFiles();
        tables.setDirty(false);
    }

    void apply(Snapshot snapshot) {
        requireOwnData();
        long[] old = tables.l1();
        long oldOffset = tables.header().l1TableOffset();
        long[] stored = l1(snapshot);
        requireCountable(stored);
        long size = snapshot.diskSize() < 0 ? tables.header().size() : snapshot.diskSize();
        long entries = Math.max(geometry.l1Entries(size), stored.length);
        long[] active = java.util.Arrays.copyOf(stored, Math.toIntExact(entries));
        tables.setDirty(true);
        long bytes = geometry.clusters(entries * 8) << geometry.clusterBits();
        long offset = refcounts.allocateTable(bytes >>> geometry.clusterBits()) << geometry.clusterBits();
        forEachUse(stored, refcounts::increment);
        for (int i = 0; i < active.length; i++) {
            active[i] &= ~Geometry.COPIED;
        }
        if (bytes > 0) {
            Tables.writeEntries(tables.file, active, offset, bytes);
        }
        tables.writeBack();
        tables.activateL1(active, offset, size);
        giveBack(old, oldOffset);
        correctCopiedFlags();
        tables.writeBack();
        tables.flushFiles();
        tables.setDirty(false);
    }

    private long[] l1(Snapshot snapshot) {
        return SnapshotTable.read(tables.file, tables.header()).l1(tables.file, geometry, snapshot);
    }

    private void requireCountable(long[] l1) {
        forEachUse(l1, cluster -> {
            if (!refcounts.canCount(cluster, 1)) {
                throw new ConfigurationException("Cluster " + cluster + " of " + tables.file.name()
                        + " cannot be used by one more snapshot: its refcount has " + (1 << geometry.refcountOrder())
                        + " bits; make the image with wider refcounts");
            }
        });
    }

    /** One use less of an L1 table, which nothing durable points to, and of everything below it. */
    private void giveBack(long[] l1, long offset) {
        var runs = new ClusterRuns();
        forEachUse(l1, cluster -> runs.add(cluster, 1));
        if (l1.length > 0) {
            runs.add(offset >>> geometry.clusterBits(), geometry.clusters(l1.length * 8L));
        }
        tables.flushFiles();
        refcounts.settle(runs);
    }

    private interface ClusterUse {
        void cluster(long cluster);
    }

    /** Each cluster that the tables below {@code l1} name, and those tables, as often as they are named. */
    private void forEachUse(long[] l1, ClusterUse use) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(geometry.clusterSize());
            for (long entry : l1) {
                long offset = entry & Geometry.OFFSET_MASK;
                if (offset == 0) {
                    continue;
                }
                requireAligned(offset);
                tables.file.read(offset, table);
                for (int at = 0; at < geometry.clusterSize(); at += geometry.entrySize()) {
                    forEntry(map.entry(table, at), use);
                }
                use.cluster(offset >>> geometry.clusterBits());
            }
        }
    }

    private void forEntry(long entry, ClusterUse use) {
        if ((entry & Geometry.COMPRESSED) != 0) {
            long from = geometry.compressedOffset(entry) >>> geometry.clusterBits();
            long to = geometry.compressedOffset(entry) + geometry.compressedLength(entry) - 1 >>> geometry
                    .clusterBits();
            for (long cluster = from; cluster <= to; cluster++) {
                use.cluster(cluster);
            }
        } else if (map.host(entry) != 0 && !tables.hasDataFile()) {
            requireAligned(map.host(entry));
            use.cluster(map.host(entry) >>> geometry.clusterBits());
        }
    }

    private void requireAligned(long offset) {
        if ((offset & geometry.clusterSize() - 1) != 0) {
            throw tables.corrupt("a table points to 0x" + Long.toHexString(offset)
                    + ", which is not the start of a cluster");
        }
    }

    /** An entry of the active tables has the flag exactly if its cluster is used once. */
    private void correctCopiedFlags() {
        long[] l1 = tables.l1();
        for (int i = 0; i < l1.length; i++) {
            long offset = l1[i] & Geometry.OFFSET_MASK;
            if (offset == 0) {
                continue;
            }
            long wanted = withFlag(l1[i], offset);
            if (wanted != l1[i]) {
                tables.setL1(i, wanted);
            }
            for (int slice = 0; slice < geometry.clusterSize(); slice += tables.l2Cache.sliceSize()) {
                correctSlice(tables.l2Cache.slot(offset + slice));
            }
        }
    }

    private void correctSlice(int slot) {
        MemorySegment slice = tables.l2Cache.slice(slot);
        for (int at = 0; at < tables.l2Cache.sliceSize(); at += geometry.entrySize()) {
            long entry = map.entry(slice, at);
            if ((entry & Geometry.COMPRESSED) != 0 || map.host(entry) == 0) {
                continue;
            }
            long wanted = withFlag(entry, map.host(entry));
            if (wanted != entry) {
                slice.set(BigEndian.LONG, at, wanted);
                tables.l2Cache.changed(slot, at, at + 8);
            }
        }
    }

    private long withFlag(long entry, long offset) {
        boolean once = refcounts.get(offset >>> geometry.clusterBits()) == 1;
        return once ? entry | Geometry.COPIED : entry & ~Geometry.COPIED;
    }

    private void writeTable(List<Snapshot> old, List<Snapshot> snapshots) {
        byte[] bytes = SnapshotTable.encode(snapshots);
        long oldOffset = tables.header().snapshotsOffset();
        long oldBytes = old.isEmpty() ? 0 : SnapshotTable.read(tables.file, tables.header()).storedBytes();
        long clusters = geometry.clusters(bytes.length);
        long offset = clusters == 0 ? 0 : refcounts.allocateTable(clusters) << geometry.clusterBits();
        if (clusters > 0) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment table = arena.allocate(clusters << geometry.clusterBits());
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, table, 0, bytes.length);
                tables.file.write(offset, table);
            }
        }
        tables.writeBack();
        tables.flushFiles();
        tables.writeHeader(tables.header().withSnapshots(offset, snapshots.size()));
        tables.flushFiles();
        if (oldBytes > 0) {
            refcounts.releaseTable(oldOffset >>> geometry.clusterBits(), geometry.clusters(oldBytes));
        }
    }

    /** The header of the image in {@code file} as if the snapshot were its disk. */
    static Qcow2Header header(ImageFile file, String idOrName, Budget budget) {
        Qcow2Header header = HeaderParser.parse(file, budget);
        SnapshotTable table = SnapshotTable.read(file, header);
        Snapshot snapshot = find(table.snapshots(), idOrName, file.name());
        // Checked as a whole, too, before it takes the active table's place.
        int entries = table.l1(file, Geometry.of(header), snapshot).length;
        long size = snapshot.diskSize() < 0 ? header.size() : snapshot.diskSize();
        if (Geometry.of(header).l1Entries(size) > entries) {
            throw new CorruptImageException("Snapshot " + snapshot.id() + " of " + file.name() + " has " + entries
                    + " L1 entries, too few for a disk of " + size + " bytes");
        }
        return header.withL1(snapshot.l1TableOffset(), entries).withSize(size);
    }
}
