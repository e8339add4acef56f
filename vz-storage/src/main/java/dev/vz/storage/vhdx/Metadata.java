package dev.vz.storage.vhdx;

import dev.vz.error.CapabilityException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the disk is like: section "Metadata Region".
 *
 * @param blockSize          bytes of a block, a power of two from 1 to 256 MiB
 * @param parent             where its parent is; {@code null} if it is no differencing image
 * @param virtualDiskSize    the disk's size in bytes
 * @param logicalSectorSize  512 or 4096
 */
record Metadata(int blockSize, @Nullable ParentLocator parent, long virtualDiskSize, int logicalSectorSize) {

    static final byte[] SIGNATURE = "metadata".getBytes(StandardCharsets.US_ASCII);
    static final long MAX_SIZE = 64L << 40;
    static final int MIN_BLOCK = 1 << 20;
    static final int MAX_BLOCK = 256 << 20;
    private static final int TABLE = 64 * 1024;
    private static final int MAX_ENTRIES = 2047;
    /** Where in an image made here the parent locator is, from the end of the table. */
    private static final int PARENT_AT = 4096;
    private static final int HAS_PARENT = 2;
    private static final int REQUIRED = 4;
    private static final List<Guid> KNOWN = List.of(Guid.FILE_PARAMETERS, Guid.VIRTUAL_DISK_SIZE, Guid.PAGE_83_DATA,
            Guid.LOGICAL_SECTOR_SIZE, Guid.PHYSICAL_SECTOR_SIZE, Guid.PARENT_LOCATOR);

    static Metadata read(ImageFile file, Regions regions) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(TABLE);
            file.read(regions.metadataOffset(), table);
            if (table.asSlice(0, 8).mismatch(MemorySegment.ofArray(SIGNATURE)) >= 0) {
                throw Field.bad(file, "its metadata region does not start with 'metadata'");
            }
            int count = Short.toUnsignedInt(table.get(Field.SHORT, 10));
            if (count > MAX_ENTRIES) {
                throw Field.bad(file, "its metadata table has " + count + " entries");
            }
            Map<Guid, Long> places = new HashMap<>();
            long parentLength = 0;
            for (int i = 0; i < count; i++) {
                long at = 32 + i * 32L;
                Guid item = Guid.read(table, at);
                long offset = Integer.toUnsignedLong(table.get(Field.INT, at + 16));
                long length = Integer.toUnsignedLong(table.get(Field.INT, at + 20));
                if (!KNOWN.contains(item)) {
                    if ((table.get(Field.INT, at + 24) & REQUIRED) != 0) {
                        throw new CapabilityException("Cannot open " + file.name()
                                + ": it has a required metadata item that is not known here");
                    }
                    continue;
                }
                if (offset < TABLE || offset + length > regions.metadataLength()) {
                    throw Field.bad(file, "a metadata item takes " + length + " bytes at " + offset);
                }
                places.put(item, regions.metadataOffset() + offset);
                parentLength = item.equals(Guid.PARENT_LOCATOR) ? length : parentLength;
            }
            return read(arena, file, places, parentLength);
        }
    }

    private static Metadata read(Arena arena, ImageFile file, Map<Guid, Long> places, long parentLength) {
        MemorySegment parameters = item(arena, file, places, Guid.FILE_PARAMETERS, "file parameters");
        long size = item(arena, file, places, Guid.VIRTUAL_DISK_SIZE, "virtual disk size").get(Field.LONG, 0);
        int sector = item(arena, file, places, Guid.LOGICAL_SECTOR_SIZE, "logical sector size").get(Field.INT, 0);
        int block = parameters.get(Field.INT, 0);
        if (Integer.bitCount(block) != 1 || block < MIN_BLOCK || block > MAX_BLOCK) {
            throw Field.bad(file, "its blocks have " + Integer.toUnsignedString(block) + " bytes");
        }
        if (sector != 512 && sector != 4096) {
            throw Field.bad(file, "its logical sectors have " + Integer.toUnsignedString(sector) + " bytes");
        }
        if (size <= 0 && size != 0 || size > MAX_SIZE || size % sector != 0) {
            throw Field.bad(file, "its disk has " + Long.toUnsignedString(size) + " bytes");
        }
        ParentLocator parent = null;
        if ((parameters.get(Field.INT, 4) & HAS_PARENT) != 0) {
            Long place = places.get(Guid.PARENT_LOCATOR);
            if (place == null) {
                throw Field.bad(file, "it is a differencing image, but its metadata have no parent locator");
            }
            parent = ParentLocator.read(file, place, parentLength);
        }
        return new Metadata(block, parent, size, sector);
    }

    private static MemorySegment item(Arena arena, ImageFile file, Map<Guid, Long> places, Guid item, String name) {
        Long place = places.get(item);
        if (place == null) {
            throw Field.bad(file, "its metadata have no " + name);
        }
        MemorySegment bytes = arena.allocate(16);
        file.read(place, bytes);
        return bytes;
    }

    /** Payload blocks between two blocks of sector bitmaps in the block allocation table. */
    long chunkRatio() {
        return (1L << 23) * logicalSectorSize / blockSize;
    }

    long blocks() {
        return Math.ceilDiv(virtualDiskSize, blockSize);
    }

    /** Entries of the block allocation table. A differencing image has a block of bitmaps for the last chunk, too. */
    long batEntries() {
        if (parent != null) {
            return Math.ceilDiv(blocks(), chunkRatio()) * (chunkRatio() + 1);
        }
        return blocks() == 0 ? 0 : blocks() + (blocks() - 1) / chunkRatio();
    }

    /** The same over another parent. */
    Metadata over(ParentLocator other) {
        return new Metadata(blockSize, other, virtualDiskSize, logicalSectorSize);
    }

    void encode(MemorySegment region) {
        MemorySegment.copy(MemorySegment.ofArray(SIGNATURE), 0, region, 0, 8);
        region.set(Field.SHORT, 10, (short) (parent == null ? 5 : 6));
        int at = TABLE;
        entry(region, 0, Guid.FILE_PARAMETERS, at, 8, 4);
        region.set(Field.INT, at, blockSize);
        region.set(Field.INT, at + 4, parent == null ? 0 : HAS_PARENT);
        entry(region, 1, Guid.VIRTUAL_DISK_SIZE, at + 8, 8, 6);
        region.set(Field.LONG, at + 8, virtualDiskSize);
        entry(region, 2, Guid.PAGE_83_DATA, at + 16, 16, 6);
        Guid.random().write(region, at + 16);
        entry(region, 3, Guid.LOGICAL_SECTOR_SIZE, at + 32, 4, 6);
        region.set(Field.INT, at + 32, logicalSectorSize);
        entry(region, 4, Guid.PHYSICAL_SECTOR_SIZE, at + 36, 4, 6);
        region.set(Field.INT, at + 36, 512);
        ParentLocator over = parent;
        if (over != null) {
            entry(region, 5, Guid.PARENT_LOCATOR, at + PARENT_AT, over.encode(region, at + PARENT_AT), 4);
        }
    }

    private static void entry(MemorySegment region, int index, Guid item, int offset, int length, int flags) {
        long at = 32 + index * 32L;
        item.write(region, at);
        region.set(Field.INT, at + 16, offset);
        region.set(Field.INT, at + 20, length);
        region.set(Field.INT, at + 24, flags);
    }
}
