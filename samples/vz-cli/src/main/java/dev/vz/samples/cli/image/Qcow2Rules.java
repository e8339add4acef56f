package dev.vz.samples.cli.image;

import org.jspecify.annotations.Nullable;

/** What does not go together in a qcow2 image, in the words that scripts know. */
final class Qcow2Rules {

    private static final String NEWER = "compatibility level 1.1 and above (use version=v3 or greater)";

    /** What is asked for. */
    record Wanted(int version, long clusterSize, long refcountBits, boolean extendedL2, boolean lazyRefcounts,
            boolean zstd, boolean dataFile, boolean dataFileRaw, boolean backing, boolean backingFormat,
            String preallocation) {}

    private Qcow2Rules() {}

    /** What is wrong; {@code null} if nothing is. */
    static @Nullable String problem(Wanted wanted) {
        long cluster = wanted.clusterSize();
        if (Long.bitCount(cluster) != 1 || cluster < 512 || cluster > 2 << 20) {
            return "Cluster size must be a power of two between 512 and 2048k";
        }
        if (wanted.extendedL2()) {
            if (wanted.version() < 3) {
                return "Extended L2 entries are only supported with " + NEWER;
            }
            if (cluster < 16384) {
                return "Extended L2 entries are only supported with cluster sizes of at least 16384 bytes";
            }
        }
        if (wanted.backing() && !wanted.preallocation().equals("off") && !wanted.extendedL2()) {
            return "Backing file and preallocation can only be used at the same time if extended_l2 is on";
        }
        if (wanted.backingFormat() && !wanted.backing()) {
            return "Backing format cannot be used without backing file";
        }
        if (wanted.version() < 3 && wanted.lazyRefcounts()) {
            return "Lazy refcounts only supported with " + NEWER;
        }
        return counts(wanted);
    }

    private static @Nullable String counts(Wanted wanted) {
        long bits = wanted.refcountBits();
        if (bits > 64 || Long.bitCount(bits) != 1) {
            return "Refcount width must be a power of two and may not exceed 64 bits";
        }
        if (wanted.version() < 3 && bits != 16) {
            return "Different refcount widths than 16 bits require compatibility level 1.1 or above (use version=v3 or "
                    + "greater)";
        }
        if (wanted.dataFileRaw() && !wanted.dataFile()) {
            return "data-file-raw requires data-file";
        }
        if (wanted.dataFileRaw() && wanted.backing()) {
            return "Backing file and data-file-raw cannot be used at the same time";
        }
        if (wanted.version() < 3 && wanted.dataFile()) {
            return "External data files are only supported with " + NEWER;
        }
        if (wanted.version() < 3 && wanted.zstd()) {
            return "Non-zlib compression type is only supported with " + NEWER;
        }
        return null;
    }
}
