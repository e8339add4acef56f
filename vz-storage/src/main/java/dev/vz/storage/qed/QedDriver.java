package dev.vz.storage.qed;

import dev.vz.error.ConfigurationException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.block.TwoLevelMap;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.BackedDriver;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/** An open QED image. */
public final class QedDriver implements CheckableDriver, BackedDriver {

    private final ImageFile file;
    private final boolean readOnly;
    private final StampedLock use = new StampedLock();
    private final long[] l1;
    private TwoLevelMap map;
    private final Budget budget;
    private volatile QedHeader header;
    private boolean closed;

    private QedDriver(ImageFile file, boolean readOnly, QedHeader header, Budget budget) {
        this.file = file;
        this.readOnly = readOnly;
        this.header = header;
        this.budget = budget;
        this.l1 = new long[header.entries()];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(header.tableBytes());
            file.read(header.l1TableOffset(), bytes);
            MemorySegment.copy(bytes, QedHeader.LONG, 0, l1, 0, l1.length);
        }
        this.map = map();
    }

    private TwoLevelMap map() {
        long cluster = header.clusterSize();
        long data = header.headerSize() * cluster;
        var layout = new TwoLevelMap.Layout(header.imageSize(), header.clusterSize(), header.entries(), 8, data, budget
                .cacheBytes());
        return new TwoLevelMap(file, layout, new QedEntries(header.l1TableOffset()), l1, null, Math.max(file.size(),
                header.l1TableOffset() + header.tableBytes()));
    }

    /**
     * Opens the image in {@code file}.
     *
     * @param asFound for a check: an image that was not closed is not repaired on the way
     */
    public static QedDriver open(ImageFile file, boolean readOnly, boolean asFound, Budget budget) {
        boolean forReading = readOnly || file.readOnly();
        var driver = new QedDriver(file, forReading, QedHeader.read(file, budget), budget);
        if (!forReading && !asFound) {
            if ((driver.header.features() & QedHeader.NEED_CHECK) != 0) {
                driver.repair(true);
            }
            if (driver.header.autoclearFeatures() != 0) {
                driver.change(driver.header.withFeatures(driver.header.features(), 0));
            }
        }
        return driver;
    }

    private void change(QedHeader changed) {
        changed.write(file);
        file.flush();
        header = changed;
    }

    /** Whether somebody stopped in the middle of writing, and tables may be wrong. */
    public boolean needsCheck() {
        return (header.features() & QedHeader.NEED_CHECK) != 0;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.QED;
    }

    @Override
    public ImageFile file() {
        return file;
    }

    @Override
    public long size() {
        return header.imageSize();
    }

    @Override
    public int granule() {
        return header.clusterSize();
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public Optional<ImpliedFile> backing() {
        QedHeader known = header;
        String name = known.backingFile();
        if (name == null || name.isEmpty()) {
            return Optional.empty();
        }
        boolean raw = (known.features() & QedHeader.BACKING_FORMAT_NO_PROBE) != 0;
        return Optional.of(new ImpliedFile(ImpliedFile.Role.BACKING, name, raw ? "raw" : null, file.name()));
    }

    @Override
    public void backed(boolean backed) {
        map.backed(backed);
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
    public void prepareWrite(long offset, long length, WritePlan plan) {
        map.prepareWrite(offset, length, plan);
    }

    @Override
    public void commitWrite(WritePlan plan) {
        map.commitWrite(plan);
    }

    @Override
    public void abortWrite(WritePlan plan) {
        map.abortWrite(plan);
    }

    @Override
    public long zero(long offset, long length, boolean mayUnmap) {
        return map.zero(offset, length);
    }

    @Override
    public int zeroGranularity() {
        return 0;
    }

    @Override
    public void discard(long offset, long length) {
        // Clusters once allocated stay: the format does not count who uses them.
    }

    @Override
    public void flush() {
        map.flush();
    }

    @Override
    public void resize(long size) {
        requireWritable();
        if (size < header.imageSize()) {
            throw new ConfigurationException("Shrinking images is currently not supported");
        }
        if (size % 512 != 0 || size > QedHeader.maxSize(header.clusterSize(), header.tableSize())) {
            throw new ConfigurationException("Invalid image size specified");
        }
        long stamp = use.writeLock();
        try {
            map.flush();
            change(header.withSize(size));
            map.resize(size);
        } finally {
            use.unlockWrite(stamp);
        }
    }

    private void requireWritable() {
        if (readOnly) {
            throw new LifecycleException("The image " + file.name() + " is open for reading only");
        }
    }

    @Override
    public void changeBacking(@Nullable String name, @Nullable String format) {
        requireWritable();
        long features = header.features() & ~(QedHeader.BACKING_FILE | QedHeader.BACKING_FORMAT_NO_PROBE);
        if (name != null) {
            features |= QedHeader.BACKING_FILE | ("raw".equals(format) ? QedHeader.BACKING_FORMAT_NO_PROBE : 0);
        }
        change(header.withBacking(name, features));
    }

    @Override
    public void clear() {
        requireWritable();
        long stamp = use.writeLock();
        try {
            map.flush();
            java.util.Arrays.fill(l1, TwoLevelMap.NO_TABLE);
            new QedEntries(header.l1TableOffset()).writeDirectory(file, l1, 0, l1.length);
            file.flush();
            // Nothing durable points there any more.
            file.resize(header.l1TableOffset() + header.tableBytes());
            map = map();
            map.backed(true);
        } finally {
            use.unlockWrite(stamp);
        }
    }

    @Override
    public CheckReport check() {
        long stamp = use.writeLock();
        try {
            if (!readOnly) {
                map.flush();
            }
            return new QedCheck(file, header, l1, map).check(false);
        } finally {
            use.unlockWrite(stamp);
        }
    }

    @Override
    public CheckReport repair(boolean all) {
        requireWritable();
        long stamp = use.writeLock();
        try {
            map.flush();
            CheckReport report = new QedCheck(file, header, l1, map).check(all);
            map.flush();
            if (all && needsCheck() && report.corruptions() == 0) {
                change(header.withFeatures(header.features() & ~QedHeader.NEED_CHECK, header.autoclearFeatures()));
            }
            return report;
        } finally {
            use.unlockWrite(stamp);
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (!readOnly) {
                flush();
            }
        } finally {
            file.close();
        }
    }
}
