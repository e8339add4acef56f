package dev.vz.storage.qcow2;

import dev.vz.storage.luks.LuksHeader;
import dev.vz.storage.luks.KeySource;
import dev.vz.storage.luks.EncryptedFile;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CorruptImageException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The metadata of an open image: header, L1 table, L2 tables, refcounts, and the order in which changes reach the file.
 *
 * <p>
 * Everything here is used under {@link #lock}, except where a method says otherwise. The order: what counts a cluster is
 * durable before anything points to it, what a table says is durable before the table itself is pointed to, and a
 * cluster is given away only when nothing durable points to it any more. So a crash loses no flushed byte and leaves at
 * worst clusters that are counted and not used.
 */
final class Tables {

    private static final int MAX_SLICE = 64 * 1024;

    final ReentrantLock lock = new ReentrantLock();
    final Condition settled = lock.newCondition();
    final ImageFile file;
    final ImageFile dataFile;
    /** The data file in the clear. */
    final ImageFile data;
    final Geometry geometry;
    final TableCache l2Cache;
    final TableCache refcountCache;
    final Refcounts refcounts;
    /** Clusters that hold tables in use: data there would destroy the image. */
    final ClusterSet metadata = new ClusterSet();
    private Qcow2Header header;
    private long[] l1;
    private int l1DirtyFrom = Integer.MAX_VALUE;
    private int l1DirtyTo;
    /** Counts places that may have been reused for other compressed data. */
    final AtomicLong generation = new AtomicLong();

    Tables(ImageFile file, ImageFile dataFile, ImageFile data, Qcow2Header header, Budget budget) {
        this.file = file;
        this.dataFile = dataFile;
        this.data = data;
        this.header = header;
        this.geometry = Geometry.of(header);
        int slice = Math.min(geometry.clusterSize(), MAX_SLICE);
        l2Cache = new TableCache(file, slice, budget.cacheBytes() * 3 / 4, this::writeBack);
        refcountCache = new TableCache(file, slice, budget.cacheBytes() / 4, this::writeBack);
        metadata.add(0);
        refcounts = new Refcounts(file, geometry, header, refcountCache, metadata, this::refcountTableMoved);
        l1 = Refcounts.readTable(file, header.l1TableOffset(), header.l1Size());
        metadata.addRange(header.l1TableOffset() >>> geometry.clusterBits(), geometry.clusters(l1.length * 8L));
        for (long entry : l1) {
            long table = entry & Geometry.OFFSET_MASK;
            if (table != 0) {
                metadata.add(table >>> geometry.clusterBits());
            }
        }
    }

    Qcow2Header header() {
        return header;
    }

    boolean isEncrypted() {
        return !data.equals(dataFile);
    }

    boolean hasDataFile() {
        return !dataFile.equals(file);
    }

    /** Entries of the active L1 table; changed only through this class. */
    long[] l1() {
        return l1;
    }

    /** Writes {@code changed} in the place of the header, in one sector where only fixed fields differ. */
    void writeHeader(Qcow2Header changed) {
        byte[] bytes = changed.encode();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment sector = arena.allocate(Math.max(512, bytes.length + 511 & -512));
            MemorySegment.copy(MemorySegment.ofArray(bytes), 0, sector, 0, bytes.length);
            file.write(0, sector);
        }
        header = changed;
    }

    /** Refuses to go on: says so in the header, for everybody who opens the image later. */
    CorruptImageException corrupt(String what) {
        var damage = new CorruptImageException("The image " + file.name() + " is damaged: " + what
                + "; check and repair it");
        if (!file.readOnly() && header.version() >= 3 && !header.incompatible(Feature.CORRUPT)) {
            writeHeader(header.withFeatures(header.incompatibleFeatures() | Feature.CORRUPT, header
                    .autoclearFeatures()));
        }
        return damage;
    }

    void requireSound() {
        if (header.incompatible(Feature.CORRUPT)) {
            throw new CorruptImageException("The image " + file.name()
                    + " was found damaged and is not written until it has been checked and repaired");
        }
    }

    /** Where the L2 table for {@code offset} of the disk is; 0 if there is none. */
    long l2Table(long offset) {
        long index = offset >>> geometry.clusterBits() + geometry.l2Bits();
        if (index >= l1.length) {
            return 0;
        }
        long table = l1[(int) index] & Geometry.OFFSET_MASK;
        if (table != 0 && (table & geometry.clusterSize() - 1) != 0) {
            throw corrupt("L1 entry " + index + " points to 0x" + Long.toHexString(table)
                    + ", which is not the start of a cluster");
        }
        return table;
    }

    /** Offset of the L2 entry for {@code offset} within its table. */
    int entryAt(long offset) {
        return (int) (offset >>> geometry.clusterBits() & (1L << geometry.l2Bits()) - 1) * geometry.entrySize();
    }

    /** Makes sure that {@code offset} has an L2 table that nobody else uses. */
    void makeL2Writable(long offset) {
        long table = l2Table(offset);
        int index = (int) (offset >>> geometry.clusterBits() + geometry.l2Bits());
        if (table != 0 && (l1[index] & Geometry.COPIED) != 0) {
            return;
        }
        long fresh = refcounts.allocateTable(1) << geometry.clusterBits();
        l2Cache.forget(fresh, geometry.clusterSize());
        if (table == 0) {
            file.writeZeroes(fresh, geometry.clusterSize(), true);
        } else {
            copyTable(table, fresh);
            refcounts.release(table >>> geometry.clusterBits(), 1);
        }
        setL1(index, fresh | Geometry.COPIED);
    }

    private void copyTable(long from, long to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(geometry.clusterSize());
            file.read(from, bytes);
            file.write(to, bytes);
        }
    }

    void setL1(int index, long entry) {
        l1[index] = entry;
        l1DirtyFrom = Math.min(l1DirtyFrom, index);
        l1DirtyTo = Math.max(l1DirtyTo, index + 1);
    }

    private void writeL1() {
        if (l1DirtyTo <= l1DirtyFrom) {
            return;
        }
        int from = l1DirtyFrom & -64;
        int to = Math.min(l1DirtyTo + 63 & -64, l1.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((to - from + 63 & -64) * 8L);
            MemorySegment.copy(l1, from, bytes, BigEndian.LONG, 0, to - from);
            file.write(header.l1TableOffset() + from * 8L, bytes);
        }
        l1DirtyFrom = Integer.MAX_VALUE;
        l1DirtyTo = 0;
    }

    /** Writes all changed metadata; see the class comment for the order. It is durable after one more flush. */
    void writeBack() {
        boolean pointers = l2Cache.isDirty() || l1DirtyTo > l1DirtyFrom;
        refcountCache.write();
        if (refcounts.tableDirty()) {
            file.flush();
            refcounts.writeTable();
        }
        if (!pointers) {
            return;
        }
        // Data that was copied from elsewhere is durable there; it must be here before that place is forgotten.
        flushFiles();
        l2Cache.write();
        writeL1();
    }

    /** Makes what was written durable. Needs no lock. */
    void flushFiles() {
        if (hasDataFile()) {
            dataFile.flush();
        }
        file.flush();
    }

    private void refcountTableMoved(long offset, int clusters) {
        file.flush();
        writeHeader(header.withRefcountTable(offset, clusters));
        file.flush();
    }

    /** Gives the disk {@code size} bytes and an L1 table that can map them. Writes everything back. */
    void resize(long size) {
        long needed = geometry.l1Entries(size);
        if (needed > Integer.MAX_VALUE / 8) {
            throw new dev.vz.error.ConfigurationException("A disk of " + size + " bytes needs " + needed
                    + " L1 entries with clusters of " + geometry.clusterSize() + " bytes; choose larger clusters");
        }
        if (needed > l1.length) {
            replaceL1((int) needed, size);
        } else {
            writeBack();
            file.flush();
            writeHeader(header.withSize(size));
            file.flush();
        }
    }

    /** Makes the L1 table reach to {@code end}, wherever the disk ends. */
    void reach(long end) {
        long needed = geometry.l1Entries(end);
        if (end < 0 || needed > Integer.MAX_VALUE / 8) {
            throw new dev.vz.error.ConfigurationException("The image " + file.name() + " cannot hold anything " + end
                    + " bytes behind its disk's start");
        }
        if (needed > l1.length) {
            replaceL1((int) needed, header.size());
        }
    }

    private void replaceL1(int entries, long size) {
        long[] old = l1;
        long oldOffset = header.l1TableOffset();
        long clusters = geometry.clusters(entries * 8L);
        long first = refcounts.allocateTable(clusters);
        writeBack();
        file.writeZeroes(first << geometry.clusterBits(), clusters << geometry.clusterBits(), true);
        l1 = java.util.Arrays.copyOf(old, entries);
        writeWholeL1(first << geometry.clusterBits());
        file.flush();
        writeHeader(header.withL1(first << geometry.clusterBits(), entries).withSize(size));
        file.flush();
        if (old.length > 0) {
            refcounts.releaseTable(oldOffset >>> geometry.clusterBits(), geometry.clusters(old.length * 8L));
        }
    }

    /**
     * Makes {@code entries}, which are in the file at {@code offset} already, the active L1 table of a disk of
     * {@code size} bytes. What the old one took is the caller's to give back.
     */
    void activateL1(long[] entries, long offset, long size) {
        file.flush();
        writeHeader(header.withL1(offset, entries.length).withSize(size));
        file.flush();
        l1 = entries;
        l1DirtyFrom = Integer.MAX_VALUE;
        l1DirtyTo = 0;
        for (long entry : l1) {
            if ((entry & Geometry.OFFSET_MASK) != 0) {
                metadata.add((entry & Geometry.OFFSET_MASK) >>> geometry.clusterBits());
            }
        }
    }

    /** Says in the header that refcounts may be wrong, or that they are right again. Version 2 has no way to say it. */
    void setDirty(boolean dirty) {
        if (header.version() >= 3 && dirty != header.incompatible(Feature.DIRTY)) {
            file.flush();
            writeHeader(header.withFeatures(header.incompatibleFeatures() ^ Feature.DIRTY, header.autoclearFeatures()));
            file.flush();
        }
    }

    /** Writes a table of 64-bit entries into whole clusters from {@code offset} on. */
    static void writeEntries(ImageFile file, long[] entries, long offset, long bytesTaken) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(bytesTaken);
            MemorySegment.copy(entries, 0, bytes, BigEndian.LONG, 0, entries.length);
            file.write(offset, bytes);
        }
    }

    private void writeWholeL1(long offset) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((l1.length + 63 & -64) * 8L);
            MemorySegment.copy(l1, 0, bytes, BigEndian.LONG, 0, l1.length);
            file.write(offset, bytes);
        }
    }

    /** The data in the clear: the file itself, or a view of it that decrypts. */
    static ImageFile clear(ImageFile file, ImageFile dataFile, Qcow2Header header, KeySource keys) {
        if (header.cryptMethod() != Qcow2Header.LUKS) {
            return dataFile;
        }
        long at = header.encryptionHeader().offset();
        return new EncryptedFile(dataFile, () -> LuksHeader.read(file, at).unlock(file, at, keys.passphrase(file
                .name())));
    }
}
