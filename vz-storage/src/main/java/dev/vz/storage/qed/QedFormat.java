package dev.vz.storage.qed;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import org.jspecify.annotations.Nullable;

/** Makes QED images. */
public final class QedFormat {

    /** Bytes of a cluster, where nothing else is asked for. */
    public static final int DEFAULT_CLUSTER = 64 * 1024;
    /** Clusters of a table, where nothing else is asked for. */
    public static final int DEFAULT_TABLE = 4;

    private QedFormat() {}

    /**
     * Writes an empty image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size          bytes of the disk, rounded up to 512
     * @param clusterSize   bytes, a power of two from 4 KiB to 64 MiB
     * @param tableSize     clusters of a table, a power of two from 1 to 16
     * @param backingFile   the backing file's name, as it is to stand in the image; {@code null} for none
     * @param backingFormat its format; {@code null} if it is not to be stated, which the format can do for raw alone
     */
    public static void create(ImageFile file, long size, int clusterSize, int tableSize, @Nullable String backingFile,
            @Nullable String backingFormat) {
        if (Integer.bitCount(clusterSize) != 1 || clusterSize < QedHeader.MIN_CLUSTER
                || clusterSize > QedHeader.MAX_CLUSTER) {
            throw new ConfigurationException("QED cluster size must be within range [" + QedHeader.MIN_CLUSTER + ", "
                    + QedHeader.MAX_CLUSTER + "] and power of 2");
        }
        if (Integer.bitCount(tableSize) != 1 || tableSize < 1 || tableSize > QedHeader.MAX_TABLE) {
            throw new ConfigurationException("QED table size must be within range [1, " + QedHeader.MAX_TABLE
                    + "] and power of 2");
        }
        if (size < 0 || size > QedHeader.maxSize(clusterSize, tableSize)) {
            throw new ConfigurationException("QED image size must be a non-zero multiple of cluster size and less than "
                    + QedHeader.maxSize(clusterSize, tableSize) + " bytes");
        }
        long features = backingFile == null ? 0 : QedHeader.BACKING_FILE | ("raw".equals(backingFormat)
                ? QedHeader.BACKING_FORMAT_NO_PROBE : 0);
        var header = new QedHeader(clusterSize, tableSize, 1, features, 0, 0, clusterSize, size + 511 & -512,
                backingFile);
        file.resize(0);
        header.write(file);
        file.writeZeroes(clusterSize, header.tableBytes(), true);
        file.flush();
    }
}
