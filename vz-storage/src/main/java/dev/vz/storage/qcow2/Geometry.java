package dev.vz.storage.qcow2;

/**
 * Sizes that follow from the header.
 *
 * @param clusterBits  log2 of the cluster size
 * @param extended     whether L2 entries have 128 bits and subclusters
 * @param l2Bits       log2 of the number of entries in an L2 table
 * @param refcountOrder log2 of a refcount's width in bits
 */
record Geometry(int clusterBits, boolean extended, int l2Bits, int refcountOrder) {

    /** Host offsets have 56 bits in table entries. */
    static final long MAX_FILE = 1L << 56;
    static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;
    static final long COPIED = 1L << 63;
    static final long COMPRESSED = 1L << 62;
    static final long ZERO = 1;
    static final int SUBCLUSTERS = 32;

    static Geometry of(Qcow2Header header) {
        boolean extended = header.incompatible(Feature.EXTENDED_L2);
        return new Geometry(header.clusterBits(), extended, header.clusterBits() - (extended ? 4 : 3), header
                .refcountOrder());
    }

    int clusterSize() {
        return 1 << clusterBits;
    }

    int entrySize() {
        return extended ? 16 : 8;
    }

    /** Bytes that are mapped together: a subcluster, or a cluster where there are none. */
    int unitBits() {
        return extended ? clusterBits - 5 : clusterBits;
    }

    int unitSize() {
        return 1 << unitBits();
    }

    /** Bytes of the disk that one L2 table describes. */
    long l2Span() {
        return 1L << clusterBits + l2Bits;
    }

    long l1Entries(long size) {
        int shift = clusterBits + l2Bits;
        return (size >>> shift) + ((size & (1L << shift) - 1) == 0 ? 0 : 1);
    }

    long clusters(long bytes) {
        return (bytes + clusterSize() - 1) >>> clusterBits;
    }

    long clusterStart(long offset) {
        return offset & -clusterSize();
    }

    /** Refcounts in one refcount block. */
    long refcountsPerBlock() {
        return 8L << clusterBits >> refcountOrder;
    }

    /** The largest refcount that can be stored. */
    long maxRefcount() {
        return refcountOrder == 6 ? Long.MAX_VALUE : (1L << (1 << refcountOrder)) - 1;
    }

    /** Where a compressed entry's data starts. */
    long compressedOffset(long entry) {
        return entry & (1L << compressedShift()) - 1;
    }

    /** Bytes from {@link #compressedOffset} to the end of the last sector that holds a part of the data. */
    int compressedLength(long entry) {
        long sectors = (entry & ~(COPIED | COMPRESSED)) >>> compressedShift();
        return (int) ((sectors + 1) * 512 - (compressedOffset(entry) & 511));
    }

    long compressedEntry(long offset, int length) {
        long sectors = (offset + length - 1 >>> 9) - (offset >>> 9);
        return COMPRESSED | sectors << compressedShift() | offset;
    }

    private int compressedShift() {
        return 62 - (clusterBits - 8);
    }
}
