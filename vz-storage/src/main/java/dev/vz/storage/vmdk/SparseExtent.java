package dev.vz.storage.vmdk;

import dev.vz.error.CapabilityException;
import dev.vz.storage.block.TwoLevelMap;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.zip.Deflater;

/** A hosted sparse extent, with plain or compressed grains: sections "Hosted Sparse Extents" and "Stream-Optimized". */
final class SparseExtent implements Extent {

    /** A compressed grain's marker: the sector of the disk, and how many bytes follow. */
    static final int MARKER = 12;
    /** What a deflated grain can take at most, and then some. */
    private static final long MAX_STORED_FACTOR = 2;

    private final ImageFile file;
    private final SparseHeader header;
    private final TwoLevelMap map;
    private final long size;

    private SparseExtent(ImageFile file, SparseHeader header, TwoLevelMap map, long size) {
        this.file = file;
        this.header = header;
        this.map = map;
        this.size = size;
    }

    /**
     * Opens the extent in {@code file}.
     *
     * @param size bytes of the disk that the descriptor gives it; -1 for all of it
     */
    static SparseExtent open(ImageFile file, long size, Budget budget) {
        SparseHeader header = SparseHeader.read(file, budget);
        long bytes = size < 0 ? header.capacity() * 512 : size;
        if (bytes > header.capacity() * 512) {
            throw SparseHeader.bad(file, "it has " + header.capacity() + " sectors, the descriptor says " + size / 512);
        }
        int granule = Math.toIntExact(header.grainSize() * 512);
        // Grains are behind the tables; the header's word for it is not worth much where it was written in one go.
        long data = header.compressed() ? 512 : Math.min(header.overHead(), header.gdOffset()) * 512;
        var layout = new TwoLevelMap.Layout(bytes, granule, header.numGtesPerGt(), 4, Math.max(512,
                data), budget.cacheBytes());
        long[] copies = header.redundant() ? directory(file, header.rgdOffset(), header) : null;
        var map = new TwoLevelMap(file, layout, new GrainEntries((header.flags() & SparseHeader.ZEROED_GRAINS) != 0),
                directory(file, header.gdOffset(), header), copies, Math.max(file.size(), header.overHead() * 512));
        return new SparseExtent(file, header, map, bytes);
    }

    private static long[] directory(ImageFile file, long sector, SparseHeader header) {
        int entries = Math.toIntExact(header.tables());
        long[] directory = new long[entries];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, entries) * 4L);
            file.read(sector * 512, bytes);
            for (int i = 0; i < entries; i++) {
                directory[i] = Integer.toUnsignedLong(bytes.get(SparseHeader.INT, i * 4L)) * 512;
            }
        }
        return directory;
    }

    SparseHeader header() {
        return header;
    }

    TwoLevelMap map() {
        return map;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public ImageFile file() {
        return file;
    }

    @Override
    public int granule() {
        return (int) (header.grainSize() * 512);
    }

    @Override
    public boolean compressed() {
        return header.compressed();
    }

    @Override
    public void backed(boolean backed) {
        map.backed(backed);
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        if (!header.compressed()) {
            map.locate(offset, length, mapping);
            return;
        }
        int in = (int) (offset % granule());
        long run = Math.min(length, granule() - in);
        map.locate(offset - in, run + in, mapping);
        if (mapping.kind() == Mapping.Kind.DATA) {
            long marker = mapping.fileOffset();
            mapping.compressed(file, marker + MARKER, stored(marker, offset - in), in, run);
        } else if (mapping.kind() == Mapping.Kind.ZERO) {
            mapping.zero(null, 0, run);
        } else {
            mapping.unallocated(run);
        }
    }

    private int stored(long at, long offset) {
        byte[] marker = new byte[MARKER];
        MemorySegment bytes = MemorySegment.ofArray(marker);
        file.read(at, bytes);
        long sector = bytes.get(SparseHeader.LONG, 0);
        int length = bytes.get(SparseHeader.INT, 8);
        if (length <= 0 || length > granule() * MAX_STORED_FACTOR + 512) {
            throw new CorruptImageException("The compressed grain at " + at + " of " + file.name() + " has "
                    + Integer.toUnsignedString(length) + " bytes, more than a grain of " + granule() + " can take");
        }
        if ((header.flags() & SparseHeader.MARKERS) != 0 && sector != offset / 512) {
            throw new CorruptImageException("The compressed grain at " + at + " of " + file.name()
                    + " is marked as sector " + sector + ", but the table says " + offset / 512);
        }
        return length;
    }

    /** In-place writes are refused, too, in a file that is within a grain of this. */
    private static final long MAX_FILE = 0xffff_ffffL * 512 - (1L << 30);

    @Override
    public void prepareWrite(long offset, long length, WritePlan plan) {
        if (header.compressed()) {
            throw new CapabilityException("Cannot change single sectors of the stream-optimized extent " + file.name()
                    + ", which is written once, grain by grain; convert it into another format");
        }
        if (file.size() > MAX_FILE) {
            throw new CapabilityException(
                    "Not adding a grain to " + file.name() + ": grains are found by 32-bit sector "
                            + "numbers, and its 2 TiB are full");
        }
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
    public boolean writeCompressed(long offset, MemorySegment source, long sourceOffset, long length) {
        if (!header.compressed()) {
            return false;
        }
        var there = new Mapping();
        map.locate(offset, 1, there);
        if (there.kind() == Mapping.Kind.DATA) {
            throw new CapabilityException(
                    "Cannot write the grain at " + offset + " of the stream-optimized extent " + file
                            .name() + " a second time");
        }
        byte[] grain = new byte[granule()];
        MemorySegment.copy(source, sourceOffset, MemorySegment.ofArray(grain), 0, length);
        byte[] packed = new byte[MARKER + granule() + granule() / 1000 + 64];
        var deflater = new Deflater();
        int size;
        try {
            deflater.setInput(grain);
            deflater.finish();
            size = deflater.deflate(packed, MARKER, packed.length - MARKER);
        } finally {
            deflater.end();
        }
        MemorySegment bytes = MemorySegment.ofArray(packed);
        bytes.set(SparseHeader.LONG, 0, offset / 512);
        bytes.set(SparseHeader.INT, 8, size);
        int whole = MARKER + size + 511 & -512;
        long place = map.append(whole);
        MemorySegment sectors = MemorySegment.ofArray(java.util.Arrays.copyOf(packed, Math.max(whole, packed.length)));
        sectors.asSlice(MARKER + size, whole - MARKER - size).fill((byte) 0);
        file.write(place, sectors, 0, whole);
        map.link(offset, place);
        return true;
    }

    @Override
    public void flush() {
        map.flush();
    }

    @Override
    public void close() {
        file.close();
    }
}
