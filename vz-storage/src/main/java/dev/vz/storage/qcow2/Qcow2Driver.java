package dev.vz.storage.qcow2;

import dev.vz.storage.image.CheckReport;
import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.BackedDriver;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.CompressingDriver;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.StateDriver;
import dev.vz.storage.image.WritePlan;
import dev.vz.storage.luks.EncryptedFile;
import dev.vz.storage.luks.KeySource;
import dev.vz.storage.luks.LuksHeader;
import java.lang.foreign.MemorySegment;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.StampedLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An open qcow2 image.
 *
 * <p>
 * Any thread may call. Tables are cached; {@link #flush} writes them in an order that keeps the image consistent, and
 * storage that was given back is taken again only after a flush.
 */
public final class Qcow2Driver implements CompressingDriver, CheckableDriver, BackedDriver, StateDriver {

    /** Released clusters that may wait for the next flush before one is asked for. */
    private static final long RELEASED_LIMIT_BYTES = 64L << 20;

    private final ImageFile file;
    private final ImageFile dataFile;
    private final boolean readOnly;
    private final Geometry geometry;
    private final Tables tables;
    private final ClusterMap map;
    private final WritePlanner planner;
    private final Zeroing zeroing;
    private final ClusterCompression compression;
    private final Bitmaps bitmaps;
    private final StampedLock use = new StampedLock();
    private final ReentrantLock flushing = new ReentrantLock();
    private boolean backed;
    private boolean closed;

    private Qcow2Driver(ImageFile file, ImageFile dataFile, ImageFile data, boolean readOnly, Qcow2Header header,
            Budget budget) {
        this.file = file;
        this.dataFile = dataFile;
        this.readOnly = readOnly;
        this.compression = ClusterCompression.of(header.compressionType());
        this.tables = new Tables(file, dataFile, data, header, budget);
        this.geometry = tables.geometry;
        this.map = new ClusterMap(tables);
        this.planner = new WritePlanner(tables, map);
        this.zeroing = new Zeroing(tables, map, planner);
        this.bitmaps = new Bitmaps(tables);
    }

    /**
     * Opens the image in {@code file}; a data file goes through {@code gate}.
     *
     * @throws CorruptImageException if it is to be written, but was marked as damaged
     */
    public static Qcow2Driver open(ImageFile file, boolean readOnly, FileGate gate, Budget budget) {
        return open(file, readOnly, false, KeySource.none(), gate, budget);
    }

    /**
     * Opens the image in {@code file} like {@link #open(ImageFile, boolean, FileGate, Budget)}.
     *
     * @param asFound for a check: damage neither keeps it from being opened nor is repaired on the way
     * @param keys    knows the passphrase if it is encrypted; asked when data is read or written first
     */
    public static Qcow2Driver open(ImageFile file, boolean readOnly, boolean asFound, KeySource keys, FileGate gate,
            Budget budget) {
        return open(file, readOnly || file.readOnly(), asFound, HeaderParser.parse(file, budget), keys, gate, budget);
    }

    /**
     * Opens the internal snapshot with the id (or, if there is none, the name) {@code idOrName}, for reading.
     *
     * @throws ConfigurationException if there is no such snapshot
     */
    public static Qcow2Driver openSnapshot(ImageFile file, String idOrName, KeySource keys, FileGate gate,
            Budget budget) {
        return open(file, true, true, SnapshotOperations.header(file, idOrName, budget), keys, gate, budget);
    }

    private static Qcow2Driver open(ImageFile file, boolean forReading, boolean asFound, Qcow2Header header,
            KeySource keys, FileGate gate, Budget budget) {
        if (!forReading && !asFound && header.incompatible(Feature.CORRUPT)) {
            throw new CorruptImageException("The image " + file.name()
                    + " is marked as damaged; open it for reading only, or check and repair it");
        }
        ImageFile dataFile = file;
        if (header.incompatible(Feature.DATA_FILE)) {
            String name = header.extension(HeaderExtension.DATA_FILE_NAME).map(HeaderExtension::text)
                    .orElseThrow(() -> new CorruptImageException("The image " + file.name()
                            + " keeps its data in another file, but does not name it"));
            dataFile = gate.open(new ImpliedFile(ImpliedFile.Role.DATA, name, "raw", file.name()), !forReading).file();
        }
        try {
            var driver = new Qcow2Driver(file, dataFile, Tables.clear(file, dataFile, header, keys), forReading, header,
                    budget);
            if (!forReading && !asFound) {
                driver.startWriting();
            }
            return driver;
        } catch (RuntimeException failure) {
            if (!dataFile.equals(file)) {
                dataFile.close();
            }
            throw failure;
        }
    }

    /**
     * Repairs an image that is not open, also one that is marked as damaged; {@code file} stays the caller's. An image
     * whose findings could all be corrected is no longer marked.
     */
    public static CheckReport repair(ImageFile file, boolean all, Budget budget) {
        return ImageCheck.repair(file, all, budget);
    }

    /**
     * Asks for the key of an encrypted image now, rather than when data is read or written first.
     *
     * @throws ConfigurationException if there is no passphrase, or a wrong one
     */
    public void unlock() {
        if (tables.data instanceof EncryptedFile encrypted) {
            encrypted.unlock();
        }
    }

    /** The header of the encryption; empty if the image is not encrypted. */
    public Optional<LuksHeader> encryption() {
        return tables.isEncrypted() ? Optional.of(LuksHeader.read(file, header().encryptionHeader().offset()))
                : Optional.empty();
    }

    private void startWriting() {
        Qcow2Header header = tables.header();
        if (header.incompatible(Feature.DIRTY)) {
            // Refcounts are not to be trusted: somebody stopped in the middle while writing them late.
            new ImageCheck(tables).repair(true);
            header = tables.header();
        }
        // Whoever writes without knowing a feature says so, by clearing its bit.
        long known = header.autoclearFeatures() & (Feature.RAW_DATA_FILE | Feature.BITMAPS);
        if (known != header.autoclearFeatures()) {
            tables.writeHeader(header.withFeatures(header.incompatibleFeatures(), known));
            file.flush();
        }
        exclusively(() -> {
            bitmaps.start(size());
            return true;
        });
    }

    /** The header as it is now. */
    public Qcow2Header header() {
        tables.lock.lock();
        try {
            return tables.header();
        } finally {
            tables.lock.unlock();
        }
    }

    /** The name of the data file as the image spells it; empty if the image holds its data itself. */
    public Optional<String> dataFileName() {
        return tables.hasDataFile() ? header().extension(HeaderExtension.DATA_FILE_NAME).map(HeaderExtension::text)
                : Optional.empty();
    }

    /** What holds the data: the image's own file, or its data file. */
    public ImageFile dataFile() {
        return dataFile;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.QCOW2;
    }

    @Override
    public ImageFile file() {
        return file;
    }

    @Override
    public long size() {
        return tables.header().size();
    }

    @Override
    public int granule() {
        return geometry.clusterSize();
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public Optional<ImpliedFile> backing() {
        Qcow2Header header = header();
        String name = header.backingFile();
        if (name == null) {
            return Optional.empty();
        }
        String format = header.extension(HeaderExtension.BACKING_FORMAT).map(HeaderExtension::text).orElse(null);
        return Optional.of(new ImpliedFile(ImpliedFile.Role.BACKING, name, format, file.name()));
    }

    @Override
    public void backed(boolean backed) {
        this.backed = backed;
    }

    @Override
    public StampedLock use() {
        return use;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        map.locate(offset, length, mapping);
    }

    @Override
    public boolean locateNow(long offset, long length, Mapping mapping) {
        return map.locateNow(offset, length, mapping);
    }

    @Override
    public void prepareWrite(long offset, long length, WritePlan plan) {
        if (offset < size()) {
            bitmaps.mark(offset, length);
        }
        planner.prepare(offset, length, plan);
    }

    @Override
    public void commitWrite(WritePlan plan) {
        planner.commit(plan);
    }

    @Override
    public void abortWrite(WritePlan plan) {
        planner.abort(plan);
    }

    @Override
    public long zero(long offset, long length, boolean mayUnmap) {
        bitmaps.mark(offset, length);
        return zeroing.zero(offset, length, mayUnmap, backed, size());
    }

    @Override
    public int zeroGranularity() {
        return tables.header().version() < 3 && backed ? 0 : geometry.unitSize();
    }

    @Override
    public void discard(long offset, long length) {
        if (offset < size()) {
            bitmaps.mark(offset, length);
        }
        int cluster = geometry.clusterSize();
        long at = offset + cluster - 1 & -cluster;
        long end = offset + length;
        if (end < size()) {
            end &= -cluster;
        }
        while (at < end) {
            long done = zeroing.zero(at, end - at, true, backed, size());
            if (done == 0) {
                return; // only writing zeros would help, which is not what a discard is for
            }
            at += done;
        }
    }

    @Override
    public void unpack(Mapping mapping, MemorySegment stored, MemorySegment unit) {
        compression.unpack(stored.asSlice(0, mapping.storedLength()), unit);
    }

    @Override
    public int unitSize() {
        return geometry.clusterSize();
    }

    @Override
    public long unitGeneration() {
        return tables.generation.get();
    }

    @Override
    public boolean writeCompressed(long offset, MemorySegment source, long sourceOffset, long length) {
        if (tables.hasDataFile() || tables.isEncrypted()) {
            return false; // a data file has no place for compressed clusters, and encrypted ones are written in the clear
        }
        return new CompressedWriter(file, tables, map, planner, compression, bitmaps).write(offset, source,
                sourceOffset, length);
    }

    @Override
    public boolean flushWanted() {
        return tables.refcounts.releasedCount() << geometry.clusterBits() > RELEASED_LIMIT_BYTES;
    }

    @Override
    public void flush() {
        flushing.lock();
        try {
            ClusterRuns released;
            tables.lock.lock();
            try {
                // What is in memory may come from the damage: it does not reach the file.
                tables.requireSound();
                released = tables.refcounts.takeReleased();
                tables.writeBack();
            } finally {
                tables.lock.unlock();
            }
            tables.flushFiles();
            if (released.count() > 0) {
                settle(released);
            }
        } finally {
            flushing.unlock();
        }
    }

    /** Requests in flight may still use what was released: they end before it is given to somebody else. */
    private void settle(ClusterRuns released) {
        long stamp = use.writeLock();
        try {
            tables.lock.lock();
            try {
                tables.generation.incrementAndGet();
                tables.refcounts.settle(released);
            } finally {
                tables.lock.unlock();
            }
        } finally {
            use.unlockWrite(stamp);
        }
    }

    @Override
    public void resize(long size) {
        requireWritable();
        if (size < 0) {
            throw new ConfigurationException("A disk cannot have " + size + " bytes");
        }
        long before = size();
        if (!bitmaps.infos().isEmpty()) {
            throw new ConfigurationException("The image " + file.name()
                    + " has bitmaps, which keep their size; remove them before resizing it");
        }
        if (size < before) {
            discard(size, before - size);
        }
        if (size > before && tables.l1().length > geometry.l1Entries(before)) {
            discard(stateStart(), tables.l1().length * geometry.l2Span() - stateStart()); // it would become the disk's
        }
        change(() -> tables.resize(size));
        if (tables.hasDataFile()) {
            dataFile.resize(size);
        }
    }

    @Override
    public long stateStart() {
        return geometry.l1Entries(size()) * geometry.l2Span();
    }

    @Override
    public void reachState(long end) {
        change(() -> tables.reach(end));
    }

    @Override
    public void changeBacking(@Nullable String name, @Nullable String format) {
        change(() -> {
            tables.writeHeader(tables.header().withBacking(name, format));
            tables.flushFiles();
        });
    }

    /**
     * Makes it an image of another version, and allows others to write refcounts late or not.
     *
     * @throws ConfigurationException if version 2 cannot say what the image is
     */
    public void amend(int version, boolean lazyRefcounts) {
        change(() -> new Amendment(tables, map, backed).run(version, lazyRefcounts));
    }

    @Override
    public void clear() {
        change(() -> {
            new SnapshotOperations(tables, map).clear();
            bitmaps.mark(0, size());
        });
    }

    /**
     * Gives storage to what has none in a range, whose offset is a cluster's; the disk reads as before where it has no
     * backing file, or subclusters. What is new in the file reads as zeros.
     */
    public void preallocate(long offset, long length) {
        requireWritable();
        Preallocation.of(planner, offset, length);
        flush();
    }

    /** Counts what every cluster is used for and compares; see {@link CheckReport}. Nothing is changed. */
    @Override
    public CheckReport check() {
        return exclusively(() -> new ImageCheck(tables).check());
    }

    /** Like {@link #check}, and corrects what can be corrected: leaks, and if {@code all} everything else. */
    @Override
    public CheckReport repair(boolean all) {
        requireWritable();
        return exclusively(() -> new ImageCheck(tables).repair(all));
    }

    /** The internal snapshots, in the order in which they were made. */
    public List<Snapshot> snapshots() {
        tables.lock.lock();
        try {
            return SnapshotTable.read(file, tables.header()).snapshots();
        } finally {
            tables.lock.unlock();
        }
    }

    /**
     * Keeps the disk as it is now under {@code name}; waits for requests in flight.
     *
     * @throws ConfigurationException if the refcounts are too narrow, or a data file holds the data
     */
    public Snapshot createSnapshot(String name) {
        requireWritable();
        return exclusively(() -> new SnapshotOperations(tables, map).create(name, Instant.now()));
    }

    /** Makes the disk what it was when the snapshot with that id (or, if there is none, that name) was taken. */
    public void applySnapshot(String idOrName) {
        requireWritable();
        exclusively(() -> {
            var operations = new SnapshotOperations(tables, map);
            operations.apply(operations.find(idOrName));
            bitmaps.mark(0, size());
            return true;
        });
    }

    /** Forgets the snapshot with that id (or, if there is none, that name). */
    public void deleteSnapshot(String idOrName) {
        requireWritable();
        exclusively(() -> {
            var operations = new SnapshotOperations(tables, map);
            operations.delete(operations.find(idOrName));
            return true;
        });
    }

    /** The persistent bitmaps. */
    public List<BitmapInfo> bitmaps() {
        tables.lock.lock();
        try {
            return bitmaps.infos();
        } finally {
            tables.lock.unlock();
        }
    }

    /** Makes a bitmap in which nothing is marked, and which records from now on if it is {@code enabled}. */
    public void addBitmap(String name, int granularity, boolean enabled) {
        change(() -> bitmaps.add(name, granularity, enabled, size()));
    }

    /** Removes a bitmap, a consistent one or not. */
    public void removeBitmap(String name) {
        change(() -> bitmaps.remove(name));
    }

    /** Marks nothing in a bitmap. */
    public void clearBitmap(String name) {
        change(() -> bitmaps.clear(name, size()));
    }

    /** Makes a bitmap record, now and whenever the image is written, or not. */
    public void enableBitmap(String name, boolean enabled) {
        change(() -> bitmaps.enable(name, enabled, size()));
    }

    /** Marks in a bitmap what {@code more} has marked. */
    public void mergeBitmap(String name, ChangeBits more) {
        change(() -> bitmaps.merge(name, more, size()));
    }

    /**
     * What a bitmap has marked.
     *
     * @throws ConfigurationException if there is no such bitmap
     * @throws LifecycleException     if it is not consistent
     */
    public ChangeBits bitmap(String name) {
        return exclusively(() -> bitmaps.bits(name, size()));
    }

    private void change(Runnable work) {
        requireWritable();
        exclusively(() -> {
            tables.requireSound();
            work.run();
            return true;
        });
    }

    private void requireWritable() {
        if (readOnly) {
            throw new LifecycleException("The image " + file.name() + " is open for reading only");
        }
    }

    /** Runs {@code work} with no request in flight, and with everything in the file that was done before. */
    private <T> T exclusively(Supplier<T> work) {
        flushing.lock();
        long stamp = use.writeLock();
        try {
            tables.lock.lock();
            try {
                tables.generation.incrementAndGet();
                if (!readOnly && !tables.header().incompatible(Feature.CORRUPT)) {
                    ClusterRuns released = tables.refcounts.takeReleased();
                    tables.writeBack();
                    tables.flushFiles();
                    tables.refcounts.settle(released);
                    tables.writeBack();
                }
                return work.get();
            } finally {
                tables.lock.unlock();
            }
        } finally {
            use.unlockWrite(stamp);
            flushing.unlock();
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (!readOnly && !tables.header().incompatible(Feature.CORRUPT)) {
                exclusively(() -> {
                    bitmaps.stop();
                    return true;
                });
                flush();
                // Settling changed refcounts once more.
                flush();
            }
        } finally {
            compression.close();
            if (tables.hasDataFile()) {
                dataFile.close();
            }
            file.close();
        }
    }
}
