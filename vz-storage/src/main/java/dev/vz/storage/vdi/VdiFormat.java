package dev.vz.storage.vdi;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** Makes VDI images. */
public final class VdiFormat {

    /** The largest disk whose block map is numbered with 32 bits and fits into 1 GiB. */
    private static final long MAX_SIZE = 0x3fff_ffffL / 4 * VdiHeader.BLOCK;

    private VdiFormat() {}

    /**
     * Writes an empty image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size       bytes of the disk, rounded up to 512
     * @param allocated  whether all blocks are in the file from the start (a static image)
     */
    public static void create(ImageFile file, long size, boolean allocated) {
        if (size < 0 || size > MAX_SIZE) {
            throw new ConfigurationException("A VDI image holds disks up to " + MAX_SIZE + " bytes, not " + size);
        }
        long rounded = size + 511 & -512;
        int blocks = (int) ((rounded + VdiHeader.BLOCK - 1) / VdiHeader.BLOCK);
        long mapBytes = blocks * 4L + 511 & -512;
        long data = VdiHeader.LENGTH + mapBytes;
        file.resize(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(data);
            byte[] text = "<<< Vz virtual disk image >>>\n".getBytes(StandardCharsets.US_ASCII);
            MemorySegment.copy(text, 0, bytes, ValueLayout.JAVA_BYTE, 0, text.length);
            bytes.set(VdiHeader.INT, 64, VdiHeader.SIGNATURE);
            bytes.set(VdiHeader.INT, 68, VdiHeader.VERSION);
            bytes.set(VdiHeader.INT, 72, 0x180);
            bytes.set(VdiHeader.INT, 76, allocated ? 2 : 1);
            bytes.set(VdiHeader.INT, 340, VdiHeader.LENGTH);
            bytes.set(VdiHeader.INT, 344, (int) data);
            bytes.set(VdiHeader.INT, 360, 512);
            bytes.set(VdiHeader.LONG, 368, rounded);
            bytes.set(VdiHeader.INT, 376, VdiHeader.BLOCK);
            bytes.set(VdiHeader.INT, 384, blocks);
            bytes.set(VdiHeader.INT, VdiHeader.ALLOCATED_AT, allocated ? blocks : 0);
            putUuid(bytes, 392);
            putUuid(bytes, 408);
            for (int i = 0; i < blocks; i++) {
                bytes.set(VdiHeader.INT, VdiHeader.LENGTH + i * 4L, allocated ? i : VdiHeader.UNALLOCATED);
            }
            file.write(0, bytes);
            if (allocated && blocks > 0) {
                file.writeZeroes(data, (long) blocks * VdiHeader.BLOCK, false);
            }
            file.flush();
        }
    }

    private static void putUuid(MemorySegment bytes, long at) {
        UUID uuid = UUID.randomUUID();
        bytes.set(VdiHeader.LONG, at, uuid.getMostSignificantBits());
        bytes.set(VdiHeader.LONG, at + 8, uuid.getLeastSignificantBits());
    }
}
