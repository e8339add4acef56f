package dev.vz.storage.qcow2;

import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CorruptImageException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * How often each cluster of the file is used, and the allocation of unused ones: section "Host cluster management".
 *
 * <p>
 * Used under the driver's metadata lock. Clusters are numbered from the start of the file.
 */
final class Refcounts {

    /** The refcount table moved: whoever writes the header writes it. Everything else is in the file already. */
    interface TableMoved {
        void moved(long offset, int clusters);
    }

    private final ImageFile file;
    private final Geometry geometry;
    private final TableCache cache;
    private final ClusterSet metadata;
    private final TableMoved tableMoved;
    private final int order;
    private final int blockBits;
    private long[] table;
    private long tableOffset;
    private int dirtyFrom = Integer.MAX_VALUE;
    private int dirtyTo;
    private long freeHint;
    private long compressedTail;
    private ClusterRuns released = new ClusterRuns();

    Refcounts(ImageFile file, Geometry geometry, Qcow2Header header, TableCache cache, ClusterSet metadata,
            TableMoved tableMoved) {
        this.file = file;
        this.geometry = geometry;
        this.cache = cache;
        this.metadata = metadata;
        this.tableMoved = tableMoved;
        this.order = geometry.refcountOrder();
        this.blockBits = geometry.clusterBits() + 3 - order;
        this.tableOffset = header.refcountTableOffset();
        this.table = readTable(file, tableOffset, header.refcountTableClusters() << geometry.clusterBits() - 3);
        metadata.addRange(tableOffset >>> geometry.clusterBits(), header.refcountTableClusters());
        for (long block : table) {
            if (block != 0 && isPlausible(block)) {
                metadata.add(block >>> geometry.clusterBits());
            }
        }
    }

    static long[] readTable(ImageFile file, long offset, int entries) {
        long[] table = new long[entries];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(entries, 1) * 8L);
            file.read(offset, bytes);
            MemorySegment.copy(bytes, BigEndian.LONG, 0, table, 0, entries);
        }
        return table;
    }

    long[] table() {
        return table;
    }

    long tableOffset() {
        return tableOffset;
    }

    private boolean isPlausible(long block) {
        return block > 0 && (block & geometry.clusterSize() - 1) == 0 && block < Geometry.MAX_FILE;
    }

    private long block(long cluster) {
        long index = cluster >>> blockBits;
        if (index >= table.length) {
            return 0;
        }
        long block = table[(int) index];
        if (block != 0 && !isPlausible(block)) {
            throw new CorruptImageException("Refcount table entry " + index + " of " + file.name() + " is 0x"
                    + Long.toHexString(block) + ", which is not the start of a cluster");
        }
        return block;
    }

    long get(long cluster) {
        long block = block(cluster);
        if (block == 0) {
            return 0;
        }
        long bit = (cluster & (1L << blockBits) - 1) << order;
        long at = bit >>> 3;
        MemorySegment slice = cache.slice(cache.slot(block + (at & -cache.sliceSize())));
        long in = at & cache.sliceSize() - 1;
        return switch (order) {
            case 3 -> slice.get(ValueLayout.JAVA_BYTE, in) & 0xffL;
            case 4 -> BigEndian.getShort(slice, in);
            case 5 -> Integer.toUnsignedLong(BigEndian.getInt(slice, in));
            case 6 -> BigEndian.getLong(slice, in);
            default -> slice.get(ValueLayout.JAVA_BYTE, in) >>> (bit & 7) & (1L << (1 << order)) - 1;
        };
    }

    /**
     * Reads the refcounts of {@code counts.length} clusters, a power of two, from a multiple of it on.
     *
     * @return whether they were read: only those of 16 bits, of clusters that one block counts, are
     */
    boolean getAll(long cluster, short[] counts) {
        long block = block(cluster);
        long at = (cluster & (1L << blockBits) - 1) << 1;
        if (order != 4 || block == 0 || counts.length * 2 > cache.sliceSize()) {
            return false;
        }
        MemorySegment slice = cache.slice(cache.slot(block + (at & -cache.sliceSize())));
        MemorySegment.copy(slice, BigEndian.SHORT, at & cache.sliceSize() - 1, counts, 0, counts.length);
        return true;
    }

    void set(long cluster, long value) {
        ensureBlock(cluster);
        long bit = (cluster & (1L << blockBits) - 1) << order;
        long at = bit >>> 3;
        int slot = cache.slot(block(cluster) + (at & -cache.sliceSize()));
        MemorySegment slice = cache.slice(slot);
        int in = (int) (at & cache.sliceSize() - 1);
        switch (order) {
            case 3 -> slice.set(ValueLayout.JAVA_BYTE, in, (byte) value);
            case 4 -> slice.set(BigEndian.SHORT, in, (short) value);
            case 5 -> slice.set(BigEndian.INT, in, (int) value);
            case 6 -> slice.set(BigEndian.LONG, in, value);
            default -> {
                int mask = (1 << (1 << order)) - 1;
                int shift = (int) (bit & 7);
                int old = slice.get(ValueLayout.JAVA_BYTE, in);
                slice.set(ValueLayout.JAVA_BYTE, in, (byte) (old & ~(mask << shift) | (int) value << shift));
            }
        }
        cache.changed(slot, in, in + Math.max(1, 1 << order >> 3));
    }

    /** One more use of a cluster that is in use. */
    void increment(long cluster) {
        long now = get(cluster);
        if (now < 0 || now >= geometry.maxRefcount()) {
            throw new CorruptImageException("Cluster " + cluster + " of " + file.name() + " is used " + Long
                    .toUnsignedString(now)
                    + " times already, the most that its refcounts can say");
        }
        set(cluster, now + 1);
    }

    /** Whether {@code more} uses of a cluster can still be counted. */
    boolean canCount(long cluster, long more) {
        long now = get(cluster); // one of 64 bits can be more than a long tells
        return now >= 0 && now <= geometry.maxRefcount() - more;
    }

    /** One use less, at once. For clusters that nothing durable points to. */
    void decrement(long cluster) {
        long now = get(cluster);
        if (now == 0) {
            throw new CorruptImageException("Cluster " + cluster + " of " + file.name()
                    + " is given back, but its refcount is 0 already");
        }
        set(cluster, now - 1);
        if (now == 1) {
            freeHint = Math.min(freeHint, cluster);
            // A table that only snapshots used leaves the set of tables here.
            metadata.remove(cluster);
            if (compressedTail >>> geometry.clusterBits() == cluster) {
                compressedTail = 0;
            }
        }
    }

    /**
     * Takes up to {@code count} adjoining clusters.
     *
     * @param taken element 0 becomes how many
     * @return the first
     */
    long allocate(int count, int[] taken) {
        long cluster = freeHint;
        while (!isFree(cluster)) {
            cluster++;
        }
        int run = 1;
        while (run < count && block(cluster + run) != 0 && isFree(cluster + run)) {
            run++;
        }
        take(cluster, run);
        freeHint = cluster + run;
        taken[0] = run;
        return cluster;
    }

    /**
     * Takes exactly {@code count} adjoining clusters for tables. Refcount blocks that are missing for them come behind
     * them: at the start of its range each one would cut a table in two that is longer than a range.
     */
    long allocateTable(long count) {
        long cluster = freeHint;
        long run = 0;
        long missing = 0;
        while (run < count + missing) {
            long at = cluster + run;
            if (at >>> blockBits >= table.length) {
                // The new table takes clusters, too, so the search starts again.
                requireAddressable(at);
                grow(at >>> blockBits);
                cluster = freeHint;
                run = 0;
                missing = 0;
            } else if (isUncounted(at)) {
                missing += run == 0 || at >>> blockBits != at - 1 >>> blockBits ? 1 : 0;
                run++;
            } else if (isFree(at)) {
                run++;
            } else {
                cluster += run + 1;
                run = 0;
                missing = 0;
            }
        }
        addBlocks(cluster, run, cluster + count);
        take(cluster, run);
        if (cluster == freeHint) {
            freeHint = cluster + run;
        }
        metadata.addRange(cluster, count);
        return cluster;
    }

    /** Whether nothing counts {@code cluster}, so that it is free. */
    private boolean isUncounted(long cluster) {
        requireAddressable(cluster);
        if (block(cluster) != 0) {
            return false;
        }
        if (cluster == 0 || metadata.contains(cluster)) {
            throw new CorruptImageException("No refcount block covers cluster " + cluster + " of " + file.name()
                    + ", which holds metadata; repair the image before writing to it");
        }
        return true;
    }

    /** Gives each range of {@code [cluster, cluster + run)} that has no refcount block one, from {@code home} on. */
    private void addBlocks(long cluster, long run, long home) {
        long next = home;
        for (long index = cluster >>> blockBits; index <= cluster + run - 1 >>> blockBits; index++) {
            if (block(index << blockBits) == 0) {
                newBlock((int) index, next++);
            }
        }
    }

    private void take(long cluster, long count) {
        for (long i = 0; i < count; i++) {
            set(cluster + i, 1);
        }
    }

    private boolean isFree(long cluster) {
        ensureBlock(cluster);
        if (get(cluster) != 0) {
            return false;
        }
        if (cluster == 0 || metadata.contains(cluster)) {
            throw new CorruptImageException("Cluster " + cluster + " of " + file.name()
                    + " holds metadata, but its refcount is 0; repair the image before writing to it");
        }
        return true;
    }

    /** Takes {@code size} bytes, at most a cluster, for compressed data; where it fits, behind other compressed data. */
    long allocateBytes(int size) {
        int clusterSize = geometry.clusterSize();
        int used = (int) (compressedTail & clusterSize - 1);
        if (used != 0) {
            long cluster = compressedTail >>> geometry.clusterBits();
            boolean fits = size <= clusterSize - used;
            if (canCount(cluster, 1) && (fits || isFree(cluster + 1))) {
                long offset = compressedTail;
                increment(cluster);
                if (!fits) {
                    set(cluster + 1, 1);
                }
                compressedTail = offset + size;
                return offset;
            }
        }
        long offset = allocate(1, new int[1]) << geometry.clusterBits();
        compressedTail = offset + size;
        return offset;
    }

    /** Of clusters of a table that is no longer used: see {@link #release}. */
    void releaseTable(long cluster, long count) {
        metadata.removeRange(cluster, count);
        released.add(cluster, count);
    }

    /**
     * One use less of each cluster, once nothing durable points to them any more: they are not taken again before
     * {@link #settle}.
     */
    void release(long cluster, long count) {
        released.add(cluster, count);
    }

    long releasedCount() {
        return released.clusters();
    }

    /** What was released so far, to be settled when all metadata that is written now is durable. */
    ClusterRuns takeReleased() {
        ClusterRuns taken = released;
        released = new ClusterRuns();
        return taken;
    }

    /** Carries releases out, and tells the file about clusters that are free now. */
    void settle(ClusterRuns runs) {
        for (int i = 0; i < runs.count(); i++) {
            long freeFrom = -1;
            long end = runs.first(i) + runs.length(i);
            for (long cluster = runs.first(i); cluster < end; cluster++) {
                decrement(cluster);
                boolean free = get(cluster) == 0;
                if (free && freeFrom < 0) {
                    freeFrom = cluster;
                } else if (!free && freeFrom >= 0) {
                    discard(freeFrom, cluster);
                    freeFrom = -1;
                }
            }
            if (freeFrom >= 0) {
                discard(freeFrom, end);
            }
        }
    }

    private void discard(long from, long to) {
        file.discard(from << geometry.clusterBits(), to - from << geometry.clusterBits());
    }

    private void ensureBlock(long cluster) {
        long index = cluster >>> blockBits;
        requireAddressable(cluster);
        if (index >= table.length) {
            grow(index);
        }
        if (block(cluster) == 0) {
            // Nothing in its range is in use, so the block goes to the start of the range and counts itself.
            long home = index << blockBits;
            newBlock((int) index, home);
            set(home, 1);
        }
    }

    private void requireAddressable(long cluster) {
        if (cluster >= Geometry.MAX_FILE >>> geometry.clusterBits()) {
            throw new CorruptImageException("The file " + file.name() + " cannot have a cluster " + cluster);
        }
    }

    private void newBlock(int index, long home) {
        if (home == 0 || metadata.contains(home)) {
            throw new CorruptImageException("No refcount block covers cluster " + home + " of " + file.name()
                    + ", which holds metadata; repair the image before writing to it");
        }
        long offset = home << geometry.clusterBits();
        cache.forget(offset, geometry.clusterSize());
        file.writeZeroes(offset, geometry.clusterSize(), true);
        metadata.add(home);
        table[index] = offset;
        dirtyFrom = Math.min(dirtyFrom, index);
        dirtyTo = Math.max(dirtyTo, index + 1);
    }

    /** Moves the table to clusters that the present one cannot count, with the blocks that count them. */
    private void grow(long index) {
        int perCluster = geometry.clusterSize() / 8;
        long first = (long) table.length << blockBits;
        long entries = Math.max(index + 1, table.length * 3L / 2);
        long tableClusters;
        long blocks = 1;
        while (true) {
            tableClusters = (entries + perCluster - 1) / perCluster;
            long needed = tableClusters + blocks + (1L << blockBits) - 1 >>> blockBits;
            if (needed <= blocks && table.length + blocks <= entries) {
                break;
            }
            blocks = Math.max(needed, blocks);
            entries = Math.max(entries, table.length + blocks);
        }
        if (tableClusters * perCluster > Integer.MAX_VALUE / 8) {
            throw new CorruptImageException("The refcount table of " + file.name() + " would need " + entries
                    + " entries");
        }
        int oldEntries = table.length;
        long oldOffset = tableOffset;
        table = Arrays.copyOf(table, (int) tableClusters * perCluster);
        for (int i = 0; i < blocks; i++) {
            newBlock(oldEntries + i, first + tableClusters + i);
        }
        take(first, tableClusters + blocks);
        metadata.addRange(first, tableClusters);
        cache.write();
        tableOffset = first << geometry.clusterBits();
        dirtyFrom = 0;
        dirtyTo = table.length;
        writeTable();
        tableMoved.moved(tableOffset, (int) tableClusters);
        releaseTable(oldOffset >>> geometry.clusterBits(), oldEntries / perCluster);
    }

    boolean tableDirty() {
        return dirtyTo > dirtyFrom;
    }

    /** Writes changed entries, in whole sectors. */
    void writeTable() {
        if (!tableDirty()) {
            return;
        }
        int from = dirtyFrom & -64;
        int to = Math.min(dirtyTo + 63 & -64, table.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((to - from) * 8L);
            MemorySegment.copy(table, from, bytes, BigEndian.LONG, 0, to - from);
            file.write(tableOffset + from * 8L, bytes);
        }
        dirtyFrom = Integer.MAX_VALUE;
        dirtyTo = 0;
    }
}
