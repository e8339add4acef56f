package dev.vz.storage.qed;

import dev.vz.error.CapabilityException;
import dev.vz.error.ConfigurationException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The header of a QED image: section "Header". All numbers are little-endian; offsets and sizes are bytes unless said
 * otherwise.
 *
 * @param clusterSize         bytes of a cluster, a power of two from 4 KiB to 64 MiB
 * @param tableSize           clusters of a table, a power of two from 1 to 16
 * @param headerSize          clusters of the header
 * @param features            bits that a reader must know
 * @param compatFeatures      bits that it may ignore
 * @param autoclearFeatures   bits that a writer who does not know them clears
 * @param l1TableOffset       where the L1 table is
 * @param imageSize           the disk's size
 * @param backingFile         name of the backing file
 */
record QedHeader(int clusterSize, int tableSize, int headerSize, long features, long compatFeatures,
        long autoclearFeatures, long l1TableOffset, long imageSize, @Nullable String backingFile) {

    static final int MAGIC = 0x00444551;
    static final int LENGTH = 64;
    static final long BACKING_FILE = 1;
    static final long NEED_CHECK = 2;
    static final long BACKING_FORMAT_NO_PROBE = 4;
    static final int MIN_CLUSTER = 4096;
    static final int MAX_CLUSTER = 64 << 20;
    static final int MAX_TABLE = 16;
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long KNOWN = BACKING_FILE | NEED_CHECK | BACKING_FORMAT_NO_PROBE;
    private static final int MAX_NAME = 1023;

    int entries() {
        return (int) ((long) tableSize * clusterSize / 8);
    }

    long tableBytes() {
        return (long) tableSize * clusterSize;
    }

    /** The largest disk that such tables map; never more than 64 bits hold. */
    static long maxSize(int clusterSize, int tableSize) {
        long entries = (long) tableSize * clusterSize / 8;
        long high = Math.multiplyHigh(entries * entries, clusterSize);
        long low = entries * entries * clusterSize;
        return high != 0 || low < 0 ? Long.MAX_VALUE & -512 : low;
    }

    static QedHeader read(ImageFile file, Budget budget) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(LENGTH);
            file.read(0, bytes);
            if (bytes.get(INT, 0) != MAGIC) {
                throw new FormatException("The file " + file.name()
                        + " is no QED image: it does not start with the magic number 'QED\\0'");
            }
            var header = new QedHeader(bytes.get(INT, 4), bytes.get(INT, 8), bytes.get(INT, 12), bytes.get(LONG, 16),
                    bytes.get(LONG, 24), bytes.get(LONG, 32), bytes.get(LONG, 40), bytes.get(LONG, 48), null);
            header.check(file, budget);
            if ((header.features & BACKING_FILE) == 0) {
                return header;
            }
            int at = bytes.get(INT, 56);
            int length = bytes.get(INT, 60);
            if (length < 0 || length > MAX_NAME || at < LENGTH || at > (long) header.headerSize * header.clusterSize
                    - length) {
                throw bad(file, "its backing file's name is " + Integer.toUnsignedString(length) + " bytes at "
                        + Integer.toUnsignedString(at));
            }
            MemorySegment name = arena.allocate(Math.max(1, length));
            file.read(at, name);
            return header.withBacking(new String(name.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE),
                    StandardCharsets.UTF_8), header.features);
        }
    }

    private void check(ImageFile file, Budget budget) {
        if ((features & ~KNOWN) != 0) {
            throw new CapabilityException(
                    "Cannot open " + file.name() + ": it uses QED features that are not known here: 0x"
                            + Long.toHexString(features & ~KNOWN));
        }
        if (Integer.bitCount(clusterSize) != 1 || clusterSize < MIN_CLUSTER || clusterSize > MAX_CLUSTER) {
            throw bad(file, "cluster_size is " + Integer.toUnsignedString(clusterSize));
        }
        if (Integer.bitCount(tableSize) != 1 || tableSize < 1 || tableSize > MAX_TABLE) {
            throw bad(file, "table_size is " + Integer.toUnsignedString(tableSize));
        }
        if (headerSize < 1 || headerSize > Integer.MAX_VALUE / clusterSize) {
            throw bad(file, "header_size is " + Integer.toUnsignedString(headerSize));
        }
        if (imageSize < 0 || imageSize % 512 != 0 || imageSize > maxSize(clusterSize, tableSize)) {
            throw bad(file, "image_size is " + Long.toUnsignedString(imageSize));
        }
        if (l1TableOffset < (long) headerSize * clusterSize || l1TableOffset % clusterSize != 0
                || l1TableOffset > file.size() - 8) {
            throw bad(file, "l1_table_offset is " + Long.toUnsignedString(l1TableOffset));
        }
        if (tableBytes() > budget.maxTableBytes()) {
            throw new OpenPolicyException("Not opening " + file.name() + ": its tables have " + tableBytes()
                    + " bytes each, more than the budget of " + budget.maxTableBytes());
        }
    }

    private static FormatException bad(ImageFile file, String what) {
        return new FormatException("The QED header of " + file.name() + " is not valid: " + what);
    }

    QedHeader withBacking(@Nullable String name, long features) {
        return new QedHeader(clusterSize, tableSize, headerSize, features, compatFeatures, autoclearFeatures,
                l1TableOffset, imageSize, name);
    }

    QedHeader withFeatures(long features, long autoclear) {
        return new QedHeader(clusterSize, tableSize, headerSize, features, compatFeatures, autoclear, l1TableOffset,
                imageSize, backingFile);
    }

    QedHeader withSize(long size) {
        return new QedHeader(clusterSize, tableSize, headerSize, features, compatFeatures, autoclearFeatures,
                l1TableOffset, size, backingFile);
    }

    /** Writes it, with the backing file's name behind it. */
    void write(ImageFile file) {
        byte[] name = backingFile == null ? new byte[0] : backingFile.getBytes(StandardCharsets.UTF_8);
        if (name.length > MAX_NAME || LENGTH + name.length > (long) headerSize * clusterSize) {
            throw new ConfigurationException("A backing file's name of " + name.length
                    + " bytes does not fit into a QED header");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(LENGTH + name.length + 511 & -512);
            bytes.set(INT, 0, MAGIC);
            bytes.set(INT, 4, clusterSize);
            bytes.set(INT, 8, tableSize);
            bytes.set(INT, 12, headerSize);
            bytes.set(LONG, 16, features);
            bytes.set(LONG, 24, compatFeatures);
            bytes.set(LONG, 32, autoclearFeatures);
            bytes.set(LONG, 40, l1TableOffset);
            bytes.set(LONG, 48, imageSize);
            bytes.set(INT, 56, name.length == 0 ? 0 : LENGTH);
            bytes.set(INT, 60, name.length);
            MemorySegment.copy(name, 0, bytes, ValueLayout.JAVA_BYTE, LENGTH, name.length);
            file.write(0, bytes);
        }
    }
}
