package dev.vz.storage.parallels;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** Makes Parallels images. */
public final class ParallelsFormat {

    private ParallelsFormat() {}

    /**
     * Writes an empty image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size        bytes of the disk, rounded up to 512
     * @param clusterSize bytes, a power of two from 512 to 64 MiB; 1 MiB is usual
     */
    public static void create(ImageFile file, long size, int clusterSize) {
        if (Integer.bitCount(clusterSize) != 1 || clusterSize < 512 || clusterSize > 64 << 20) {
            throw new ConfigurationException(
                    "Clusters of a Parallels image are a power of two from 512 bytes to 64 MiB,"
                            + " not " + clusterSize);
        }
        long maxSize = (long) Integer.MAX_VALUE / 4 * clusterSize;
        if (size < 0 || size > maxSize) {
            throw new ConfigurationException("A Parallels image with clusters of " + clusterSize
                    + " bytes holds disks up to " + maxSize + " bytes, not " + size);
        }
        long sectors = (size + 511) / 512;
        int tracks = clusterSize / 512;
        int entries = (int) ((sectors + tracks - 1) / tracks);
        long tableEnd = (ParallelsHeader.LENGTH + entries * 4L + clusterSize - 1) / clusterSize * clusterSize;
        file.resize(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(ParallelsHeader.LENGTH);
            byte[] magic = ParallelsHeader.MAGIC_CLUSTERS.getBytes(StandardCharsets.US_ASCII);
            MemorySegment.copy(magic, 0, header, ValueLayout.JAVA_BYTE, 0, magic.length);
            header.set(ParallelsHeader.INT, 16, 2);
            header.set(ParallelsHeader.INT, 20, 16);
            header.set(ParallelsHeader.INT, 24, (int) Math.min(Integer.MAX_VALUE, sectors / 16 / 32));
            header.set(ParallelsHeader.INT, 28, tracks);
            header.set(ParallelsHeader.INT, 32, entries);
            header.set(ParallelsHeader.LONG, 36, sectors);
            header.set(ParallelsHeader.INT, 48, (int) (tableEnd / 512));
            file.writeZeroes(0, tableEnd, true);
            file.write(0, header);
            file.flush();
        }
    }
}
