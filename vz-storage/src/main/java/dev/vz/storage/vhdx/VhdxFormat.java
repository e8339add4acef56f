package dev.vz.storage.vhdx;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Makes VHDX images. */
public final class VhdxFormat {

    /** Bytes of the log, where nothing else is asked for. */
    public static final int DEFAULT_LOG = 1 << 20;
    private static final byte[] CREATOR = "Vz".getBytes(StandardCharsets.UTF_16LE);

    private VhdxFormat() {}

    /**
     * Writes an empty image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size      bytes of the disk, a multiple of 512 and 64 TiB at most
     * @param fixed     whether all blocks are in the file from the start
     * @param blockSize bytes, a power of two from 1 to 256 MiB; 0 to choose one by the size
     * @param logLength bytes, a multiple of 1 MiB
     */
    public static void create(ImageFile file, long size, boolean fixed, int blockSize, int logLength) {
        create(file, size, fixed, blockSize, logLength, null);
    }

    /**
     * Writes an empty differencing image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size      bytes of the disk, a multiple of 512: the parent's
     * @param blockSize bytes, a power of two from 1 to 256 MiB; 0 to choose one by the size
     * @param logLength bytes, a multiple of 1 MiB
     * @param parent    the parent's file as a path of this host; a relative one starts at the new image's folder
     * @param link      what the parent's {@link VhdxDriver#link()} says
     */
    public static void createOver(ImageFile file, long size, int blockSize, int logLength, String parent, String link) {
        create(file, size, false, blockSize, logLength, new ParentLocator(link, parent, 0));
    }

    private static void create(ImageFile file, long size, boolean fixed, int blockSize, int logLength,
            @Nullable ParentLocator parent) {
        if (size < 0 || size > Metadata.MAX_SIZE) {
            throw new ConfigurationException("Image size too large; max of 64TB");
        }
        int block = blockSize == 0 ? chosen(size) : blockSize;
        if (block % Field.MEBIBYTE != 0 || Integer.bitCount(block) != 1) {
            throw new ConfigurationException("Block size must be a multiple of 1 MB and a power of two, not " + block);
        }
        if (block > Metadata.MAX_BLOCK) {
            throw new ConfigurationException("Block size must not exceed " + Metadata.MAX_BLOCK);
        }
        if (logLength < Field.MEBIBYTE || logLength % Field.MEBIBYTE != 0) {
            throw new ConfigurationException("Log size must be a multiple of 1 MB, not " + logLength);
        }
        var metadata = new Metadata(block, parent, size + 511 & -512, 512);
        long batLength = Math.max(1, Math.ceilDiv(metadata.batEntries() * 8, Field.MEBIBYTE)) * Field.MEBIBYTE;
        long logOffset = Field.MEBIBYTE;
        var regions = new Regions(logOffset + logLength + Field.MEBIBYTE, batLength, logOffset + logLength,
                Field.MEBIBYTE);
        file.resize(0);
        try (Arena arena = Arena.ofConfined()) {
            write(arena, file, metadata, regions, logLength, logOffset);
            long end = regions.batOffset() + regions.batLength();
            if (fixed) {
                end = allocateAll(arena, file, metadata, regions);
            }
            file.resize(end);
        }
        file.flush();
    }

    private static int chosen(long size) {
        return size > 32L << 40 ? 64 << 20 : size > 100L << 30 ? 32 << 20 : size > 1L << 30 ? 16 << 20 : 8 << 20;
    }

    private static void write(Arena arena, ImageFile file, Metadata metadata, Regions regions, int logLength,
            long logOffset) {
        MemorySegment identifier = arena.allocate(4096);
        MemorySegment.copy(MemorySegment.ofArray(VhdxDriver.FILE_SIGNATURE), 0, identifier, 0, 8);
        MemorySegment.copy(MemorySegment.ofArray(CREATOR), 0, identifier, 8, CREATOR.length);
        file.write(0, identifier);
        Guid fileWrite = Guid.random();
        Guid dataWrite = Guid.random();
        for (int i = 0; i < 2; i++) {
            MemorySegment header = arena.allocate(Headers.LENGTH);
            Headers.encode(header, i + 1L, fileWrite, dataWrite, Guid.ZERO, logLength, logOffset);
            file.write(i == 0 ? Headers.FIRST : Headers.SECOND, header);
        }
        MemorySegment table = arena.allocate(Regions.LENGTH);
        regions.encode(table);
        file.write(Regions.FIRST, table);
        file.write(Regions.SECOND, table);
        MemorySegment region = arena.allocate(128 * 1024);
        metadata.encode(region);
        file.write(regions.metadataOffset(), region);
    }

    private static long allocateAll(Arena arena, ImageFile file, Metadata metadata, Regions regions) {
        long entries = metadata.batEntries();
        MemorySegment bat = arena.allocate(Math.max(1, entries) * 8);
        long place = regions.batOffset() + regions.batLength();
        for (long block = 0; block < metadata.blocks(); block++) {
            bat.set(Field.LONG, (block + block / metadata.chunkRatio()) * 8, place | VhdxDriver.FULLY_PRESENT);
            place += metadata.blockSize();
        }
        file.write(regions.batOffset(), bat, 0, entries * 8);
        return place;
    }
}
