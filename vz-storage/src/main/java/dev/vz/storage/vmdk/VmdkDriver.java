package dev.vz.storage.vmdk;

import dev.vz.error.LifecycleException;
import dev.vz.storage.block.TwoLevelMap;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.CompressingDriver;
import dev.vz.storage.image.FileGate;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.Inflation;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.StampedLock;

/** An open VMDK image: its extents, one after the other. */
public final class VmdkDriver implements CompressingDriver, CheckableDriver {

    private static final int MAX_MESSAGES = 1000;

    /**
     * What an extent is like.
     *
     * @param file       the name of its file; empty if it has none
     * @param size       bytes of the disk
     * @param type       as the descriptor calls it; empty if the image is in one sparse file
     * @param grainSize  bytes of a grain; 0 for flat extents
     * @param compressed whether its grains are compressed
     */
    public record ExtentInfo(String file, long size, String type, int grainSize, boolean compressed) {}

    private final VmdkFiles files;
    private final boolean readOnly;
    private final List<Extent> extents;
    private final long[] starts;
    private final long size;
    private final StampedLock use = new StampedLock();
    private final AtomicBoolean marked = new AtomicBoolean();
    private boolean closed;

    private VmdkDriver(VmdkFiles files, boolean readOnly) {
        this.files = files;
        this.readOnly = readOnly;
        this.extents = files.extents();
        this.starts = new long[extents.size()];
        long at = 0;
        for (int i = 0; i < starts.length; i++) {
            starts[i] = at;
            at = Math.addExact(at, extents.get(i).size());
        }
        this.size = at;
    }

    /** Opens the image in {@code file}, and its extents through {@code gate}. */
    public static VmdkDriver open(ImageFile file, boolean readOnly, FileGate gate, Budget budget) {
        boolean forReading = readOnly || file.readOnly();
        return new VmdkDriver(VmdkFiles.open(file, forReading, gate, budget), forReading);
    }

    /** The content id: it changes with the first write after each opening. */
    public long cid() {
        return files.descriptor().cid();
    }

    /** The content id that the parent had when this image was made; 0xffffffff for none. */
    public long parentCid() {
        return files.descriptor().parentCid();
    }

    /** How the extents are laid out. */
    public String createType() {
        return files.descriptor().createType();
    }

    /** The extents, in the disk's order. */
    public List<ExtentInfo> extents() {
        List<ExtentInfo> infos = new ArrayList<>();
        for (int i = 0; i < extents.size(); i++) {
            Extent extent = extents.get(i);
            ImageFile file = extent.file();
            infos.add(new ExtentInfo(file == null ? "" : file.name(), extent.size(), files.typeOf(i), extent
                    .granule() > 1 ? extent.granule() : 0, extent.compressed()));
        }
        return infos;
    }

    /** Bytes of storage that all files take. */
    public long allocatedBytes() {
        return files.all().stream().mapToLong(ImageFile::allocatedBytes).sum();
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.VMDK;
    }

    @Override
    public ImageFile file() {
        return files.main();
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public int granule() {
        return extents.stream().mapToInt(Extent::granule).max().orElse(1);
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public Optional<ImpliedFile> backing() {
        String hint = files.descriptor().parentFileNameHint();
        return hint == null || hint.isEmpty() ? Optional.empty()
                : Optional.of(new ImpliedFile(ImpliedFile.Role.BACKING, hint, "vmdk", file().name()));
    }

    @Override
    public void backed(boolean backed) {
        extents.forEach(extent -> extent.backed(backed));
    }

    @Override
    public StampedLock use() {
        return use;
    }

    private int find(long offset) {
        int low = 0;
        int high = starts.length - 1;
        while (low < high) {
            int middle = low + high + 1 >>> 1;
            if (starts[middle] <= offset) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    private long within(int extent, long offset, long length) {
        return Math.min(length, extents.get(extent).size() - (offset - starts[extent]));
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        int extent = find(offset);
        extents.get(extent).locate(offset - starts[extent], within(extent, offset, length), mapping);
    }

    @Override
    public void prepareWrite(long offset, long length, WritePlan plan) {
        markWritten();
        int extent = find(offset);
        extents.get(extent).prepareWrite(offset - starts[extent], within(extent, offset, length), plan);
        plan.shift(starts[extent]);
    }

    /** Whoever has this image as a parent sees that it is not what it was. */
    private void markWritten() {
        if (marked.compareAndSet(false, true)) {
            files.writeCid(ThreadLocalRandom.current().nextLong(1, Descriptor.NO_PARENT));
        }
    }

    @Override
    public void commitWrite(WritePlan plan) {
        extents.get(find(plan.offset())).commitWrite(plan);
    }

    @Override
    public void abortWrite(WritePlan plan) {
        extents.get(find(plan.offset())).abortWrite(plan);
    }

    @Override
    public long zero(long offset, long length, boolean mayUnmap) {
        markWritten();
        int extent = find(offset);
        return extents.get(extent).zero(offset - starts[extent], within(extent, offset, length), mayUnmap);
    }

    @Override
    public int zeroGranularity() {
        return extents.stream().allMatch(extent -> extent.granule() == 1) ? 1 : 0;
    }

    @Override
    public void discard(long offset, long length) {
        // Grains once allocated stay: the format does not count who uses them.
    }

    @Override
    public void unpack(Mapping mapping, MemorySegment stored, MemorySegment unit) {
        Inflation.inflate(stored.asSlice(0, mapping.storedLength()), unit, file().name());
    }

    @Override
    public int unitSize() {
        return extents.stream().filter(Extent::compressed).mapToInt(Extent::granule).max().orElse(0);
    }

    /** Whether grains can be written, and then only whole and once: a stream-optimized image. */
    public boolean compresses() {
        return unitSize() > 0;
    }

    @Override
    public boolean writeCompressed(long offset, MemorySegment source, long sourceOffset, long length) {
        markWritten();
        int extent = find(offset);
        return extents.get(extent).writeCompressed(offset - starts[extent], source, sourceOffset, length);
    }

    @Override
    public void flush() {
        extents.forEach(Extent::flush);
        if (files.all().size() > extents.size()) {
            file().flush();
        }
    }

    @Override
    public void resize(long size) {
        throw new dev.vz.error.CapabilityException("Disks in VMDK images keep their size; convert " + file().name()
                + " into a larger image instead");
    }

    @Override
    public CheckReport check() {
        return check(false);
    }

    @Override
    public CheckReport repair(boolean all) {
        if (readOnly) {
            throw new LifecycleException("The image " + file().name() + " is open for reading only");
        }
        CheckReport report = check(all);
        flush();
        return report;
    }

    private CheckReport check(boolean fix) {
        List<String> messages = new ArrayList<>();
        long found = 0;
        for (Extent extent : extents) {
            if (extent instanceof SparseExtent sparse) {
                List<Long> wrong = wrongGrains(sparse, messages);
                found += wrong.size();
                if (fix) {
                    wrong.forEach(sparse.map()::unlink);
                }
            }
        }
        return new CheckReport(fix ? 0 : found, 0, fix ? found : 0, 0, 0, 0, 0, 0, 0, 0, List.copyOf(messages));
    }

    private static List<Long> wrongGrains(SparseExtent extent, List<String> messages) {
        List<Long> wrong = new ArrayList<>();
        var used = new BitSet();
        long length = extent.file().size();
        extent.map().forEach((grain, place) -> {
            if (place == TwoLevelMap.ZERO) {
                return;
            }
            long sector = place / 512;
            boolean outside = place >= length || sector > Integer.MAX_VALUE;
            if (outside || used.get((int) sector)) {
                wrong.add(grain);
                if (messages.size() < MAX_MESSAGES) {
                    messages.add("ERROR grain " + grain + " of " + extent.file().name() + " is said to be at " + place
                            + (outside ? ", past the end of the file" : ", where something else is, too"));
                }
            } else {
                used.set((int) sector);
            }
        });
        return wrong;
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
            files.close();
        }
    }
}
