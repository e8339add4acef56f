package dev.vz.storage.qcow2;

/** Feature bits of a version 3 header: section "Header", bytes 72 to 95. */
final class Feature {

    /** Incompatible: refcounts may be wrong, and must be rebuilt before writing. */
    static final long DIRTY = 1;
    /** Incompatible: metadata was found damaged; the image must not be written. */
    static final long CORRUPT = 1 << 1;
    /** Incompatible: guest data is in another file. */
    static final long DATA_FILE = 1 << 2;
    /** Incompatible: the compression type field is there and not zlib. */
    static final long COMPRESSION_TYPE = 1 << 3;
    /** Incompatible: L2 entries of 128 bits, with subclusters. */
    static final long EXTENDED_L2 = 1 << 4;
    static final long KNOWN_INCOMPATIBLE = DIRTY | CORRUPT | DATA_FILE | COMPRESSION_TYPE | EXTENDED_L2;

    /** Compatible: refcounts may be written late while the image is dirty. */
    static final long LAZY_REFCOUNTS = 1;

    /** Autoclear: the bitmaps extension is consistent. */
    static final long BITMAPS = 1;
    /** Autoclear: the data file alone reads as the disk. */
    static final long RAW_DATA_FILE = 1 << 1;

    private Feature() {}
}
