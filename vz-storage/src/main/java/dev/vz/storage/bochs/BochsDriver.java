package dev.vz.storage.bochs;

import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.ReadOnlyDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** An open growing image: extents of some sectors, each with a bitmap of those that were written in front. */
public final class BochsDriver extends ReadOnlyDriver {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int HEADER = 512;
    private static final int SECTOR = 512;
    private static final int VERSION_1 = 0x00010000;
    private static final int VERSION_2 = 0x00020000;
    private static final int MAX_CATALOG = 0x100000;
    private static final int MAX_EXTENT = 0x800000;
    private static final int UNUSED = -1;

    private final int[] catalog;
    private final long dataOffset;
    private final int bitmapBytes;
    private final int extentBytes;

    private BochsDriver(ImageFile file, long size, int[] catalog, long dataOffset, int bitmapBytes, int extentBytes) {
        super(file, size);
        this.catalog = catalog;
        this.dataOffset = dataOffset;
        this.bitmapBytes = bitmapBytes;
        this.extentBytes = extentBytes;
    }

    /** Whether {@code start}, the first bytes of a file, are those of such an image. */
    public static boolean isOne(String start) {
        return start.startsWith("Bochs Virtual HD Image\0") && start.startsWith("Redolog\0", 32) && start.startsWith(
                "Growing\0", 48);
    }

    /** Opens the image in {@code file}. */
    public static BochsDriver open(ImageFile file, Budget budget) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(HEADER);
            file.read(0, header);
            int version = header.get(INT, 64);
            if (!isOne(new String(header.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1))
                    || version != VERSION_1 && version != VERSION_2) {
                throw new FormatException("Image not in Bochs format");
            }
            long headerSize = Integer.toUnsignedLong(header.get(INT, 68));
            int entries = header.get(INT, 72);
            int bitmap = header.get(INT, 76);
            int extent = header.get(INT, 80);
            long size = version == VERSION_1 ? header.get(LONG, 84) : header.get(LONG, 88);
            check(entries, bitmap, extent, size, budget);
            int[] catalog = new int[entries];
            MemorySegment bytes = arena.allocate(Math.max(1, entries) * 4L);
            file.read(headerSize, bytes);
            MemorySegment.copy(bytes, INT, 0, catalog, 0, entries);
            int bitmapBytes = Math.ceilDiv(bitmap, SECTOR) * SECTOR;
            return new BochsDriver(file, size & -SECTOR, catalog, headerSize + entries * 4L, bitmapBytes, extent);
        }
    }

    private static void check(int entries, int bitmap, int extent, long size, Budget budget) {
        if (entries < 0 || entries > MAX_CATALOG || entries * 4L > budget.maxTableBytes()) {
            throw new FormatException("Catalog size is too large");
        }
        if (extent < SECTOR) {
            throw new FormatException("Extent size must be at least 512");
        }
        if (Integer.bitCount(extent) != 1) {
            throw new FormatException("Extent size " + Integer.toUnsignedString(extent) + " is not a power of two");
        }
        if (extent > MAX_EXTENT) {
            throw new FormatException("Extent size " + Integer.toUnsignedString(extent) + " is too large");
        }
        if (size < 0 || entries < Math.ceilDiv(size / SECTOR, extent / SECTOR)) {
            throw new FormatException("Catalog size is too small for this disk size");
        }
        if (bitmap < Math.ceilDiv(extent / SECTOR, 8) || bitmap > MAX_EXTENT) {
            throw new FormatException("Bitmap size of " + Integer.toUnsignedString(bitmap)
                    + " bytes does not fit an extent of " + extent);
        }
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.BOCHS;
    }

    @Override
    public int granule() {
        return extentBytes;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        int index = (int) (offset / extentBytes);
        int in = (int) (offset % extentBytes);
        long run = Math.min(length, extentBytes - in);
        if (catalog[index] == UNUSED) {
            mapping.unallocated(run);
            return;
        }
        long extent = dataOffset + Integer.toUnsignedLong(catalog[index]) * (bitmapBytes + extentBytes);
        if (extent > file().size()) {
            throw new CorruptImageException("Extent " + index + " of " + file().name() + " is said to be at " + extent
                    + ", past the end of the file");
        }
        int sector = in / SECTOR;
        int last = (int) ((in + run - 1) / SECTOR);
        byte[] bits = new byte[last / 8 - sector / 8 + 1];
        file().read(extent + sector / 8, MemorySegment.ofArray(bits));
        int first = sector / 8 * 8;
        boolean there = bit(bits, sector - first);
        int end = sector + 1;
        while (end <= last && bit(bits, end - first) == there) {
            end++;
        }
        run = Math.min(run, (long) end * SECTOR - in);
        if (there) {
            mapping.data(file(), extent + bitmapBytes + in, run);
        } else {
            mapping.unallocated(run);
        }
    }

    private static boolean bit(byte[] bits, int index) {
        return (bits[index / 8] >> index % 8 & 1) != 0;
    }
}
