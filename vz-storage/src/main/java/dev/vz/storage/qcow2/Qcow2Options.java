package dev.vz.storage.qcow2;

import dev.vz.error.ConfigurationException;
import org.jspecify.annotations.Nullable;

/**
 * How a qcow2 image is made.
 *
 * @param size          the disk's size in bytes; rounded up to 512
 * @param version       2 or 3
 * @param clusterSize   bytes, a power of two from 512 to 2 MiB
 * @param refcountBits  a power of two from 1 to 64; 16 in version 2
 * @param extendedL2    with subclusters, for clusters of 16 KiB and more
 * @param zstd          whether compressed clusters are zstd instead of zlib
 * @param backingFile   the backing file's name, as it is to stand in the image
 * @param backingFormat its format; required with a backing file
 * @param dataFile      the name of the raw file that holds the data; it is made beside the image by the caller
 * @param dataFileRaw   whether that file alone reads as the disk
 * @param lazyRefcounts allows other programs to write refcounts late
 */
public record Qcow2Options(long size, int version, int clusterSize, int refcountBits, boolean extendedL2, boolean zstd,
        @Nullable String backingFile, @Nullable String backingFormat, @Nullable String dataFile, boolean dataFileRaw,
        boolean lazyRefcounts) {

    /** Version 3, clusters of 64 KiB, refcounts of 16 bits, zlib, nothing else. */
    public static Qcow2Options ofSize(long size) {
        return new Qcow2Options(size, 3, 65536, 16, false, false, null, null, null, false, false);
    }

    /** Checks what does not go together. */
    public Qcow2Options {
        if (size < 0 || size > Long.MAX_VALUE - 511) {
            throw new ConfigurationException("A disk cannot have " + size + " bytes");
        }
        if (version != 2 && version != 3) {
            throw new ConfigurationException("qcow2 has versions 2 and 3, not " + version);
        }
        if (Integer.bitCount(clusterSize) != 1 || clusterSize < 512 || clusterSize > 2 << 20) {
            throw new ConfigurationException("Cluster size must be a power of two between 512 and 2048k, not "
                    + clusterSize);
        }
        if (Integer.bitCount(refcountBits) != 1 || refcountBits > 64) {
            throw new ConfigurationException("Refcount width must be a power of two and may not exceed 64 bits, not "
                    + refcountBits);
        }
        if (version == 2 && (refcountBits != 16 || extendedL2 || zstd || dataFile != null || lazyRefcounts)) {
            throw new ConfigurationException("Version 2 has 16-bit refcounts and neither subclusters, zstd, data files "
                    + "nor lazy refcounts; choose version 3");
        }
        if (extendedL2 && clusterSize < 16384) {
            throw new ConfigurationException("Subclusters need clusters of 16 KiB or more, not " + clusterSize);
        }
        if (backingFile != null && backingFormat == null) {
            throw new ConfigurationException("State the format of the backing file '" + backingFile
                    + "': whoever opens the image must not have to guess it");
        }
        if (dataFileRaw && (dataFile == null || backingFile != null)) {
            throw new ConfigurationException("A data file that alone reads as the disk needs a data file and no "
                    + "backing file");
        }
    }

    /** The same in version {@code version}. */
    public Qcow2Options withVersion(int version) {
        return new Qcow2Options(size, version, clusterSize, refcountBits, extendedL2, zstd, backingFile, backingFormat,
                dataFile, dataFileRaw, lazyRefcounts);
    }

    /** The same with clusters of {@code clusterSize} bytes. */
    public Qcow2Options withClusterSize(int clusterSize) {
        return new Qcow2Options(size, version, clusterSize, refcountBits, extendedL2, zstd, backingFile, backingFormat,
                dataFile, dataFileRaw, lazyRefcounts);
    }

    /** The same with refcounts of {@code refcountBits}. */
    public Qcow2Options withRefcountBits(int refcountBits) {
        return new Qcow2Options(size, version, clusterSize, refcountBits, extendedL2, zstd, backingFile, backingFormat,
                dataFile, dataFileRaw, lazyRefcounts);
    }

    /** The same with or without subclusters. */
    public Qcow2Options withExtendedL2(boolean extendedL2) {
        return new Qcow2Options(size, version, clusterSize, refcountBits, extendedL2, zstd, backingFile, backingFormat,
                dataFile, dataFileRaw, lazyRefcounts);
    }

    /** The same with zstd or zlib. */
    public Qcow2Options withZstd(boolean zstd) {
        return new Qcow2Options(size, version, clusterSize, refcountBits, extendedL2, zstd, backingFile, backingFormat,
                dataFile, dataFileRaw, lazyRefcounts);
    }

    /** The same over a backing file. */
    public Qcow2Options withBacking(@Nullable String backingFile, @Nullable String backingFormat) {
        return new Qcow2Options(size, version, clusterSize, refcountBits, extendedL2, zstd, backingFile, backingFormat,
                dataFile, dataFileRaw, lazyRefcounts);
    }

    /** The same with its data in another file. */
    public Qcow2Options withDataFile(@Nullable String dataFile, boolean raw) {
        return new Qcow2Options(size, version, clusterSize, refcountBits, extendedL2, zstd, backingFile, backingFormat,
                dataFile, raw, lazyRefcounts);
    }
}
