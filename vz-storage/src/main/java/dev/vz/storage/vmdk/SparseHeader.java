package dev.vz.storage.vmdk;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The header of a hosted sparse extent: section "Hosted Sparse Extents". All numbers are little-endian, and offsets and
 * sizes are in sectors of 512 bytes.
 *
 * @param version           1, 2 or 3
 * @param flags             what follows
 * @param capacity          sectors of the extent
 * @param grainSize         sectors of a grain, a power of two of 8 and more
 * @param descriptorOffset  where a descriptor is within the file; 0 for none
 * @param descriptorSize    how long it is at most
 * @param numGtesPerGt      entries of a grain table
 * @param rgdOffset         where the redundant grain directory is
 * @param gdOffset          where the grain directory is
 * @param overHead          sectors before the first grain
 * @param compressAlgorithm 0 none, 1 deflate
 */
record SparseHeader(int version, int flags, long capacity, long grainSize, long descriptorOffset, long descriptorSize,
        int numGtesPerGt, long rgdOffset, long gdOffset, long overHead, int compressAlgorithm) {

    static final int MAGIC = 0x564d444b;
    static final int LENGTH = 512;
    static final long GD_AT_END = -1;
    static final int NEWLINE_TEST = 1;
    static final int REDUNDANT = 1 << 1;
    static final int ZEROED_GRAINS = 1 << 2;
    static final int COMPRESSED = 1 << 16;
    static final int MARKERS = 1 << 17;
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int FOOTER_FROM_END = 1024;
    private static final long MAX_GRAIN = 128L << 20 >> 9;

    static boolean isOne(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment magic = arena.allocate(4);
            file.read(0, magic);
            return magic.get(INT, 0) == MAGIC;
        }
    }

    /** Reads the header at the file's start, or its copy at the end where the directory could not be known before. */
    static SparseHeader read(ImageFile file, Budget budget) {
        SparseHeader header = read(file, 0);
        if (header.gdOffset == GD_AT_END) {
            SparseHeader first = header;
            header = read(file, Math.max(0, file.size() - FOOTER_FROM_END));
            if (header.gdOffset == GD_AT_END) {
                throw bad(file, "neither its header nor its footer says where the grain directory is");
            }
            if (header.capacity != first.capacity || header.grainSize != first.grainSize) {
                throw bad(file, "its header and its footer differ");
            }
        }
        header.check(file, budget);
        return header;
    }

    private static SparseHeader read(ImageFile file, long at) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(LENGTH);
            file.read(at, bytes);
            if (bytes.get(INT, 0) != MAGIC) {
                throw bad(file, "it has no magic number 'KDMV' at " + at);
            }
            return new SparseHeader(bytes.get(INT, 4), bytes.get(INT, 8), bytes.get(LONG, 12), bytes.get(LONG, 20),
                    bytes.get(LONG, 28), bytes.get(LONG, 36), bytes.get(INT, 44), bytes.get(LONG, 48), bytes.get(LONG,
                            56),
                    bytes.get(LONG, 64), Short.toUnsignedInt(bytes.get(SHORT, 77)));
        }
    }

    private void check(ImageFile file, Budget budget) {
        if (version < 1 || version > 3) {
            throw new CapabilityException("Cannot open " + file.name() + ": VMDK versions 1 to 3 are known, it has "
                    + Integer.toUnsignedString(version));
        }
        if (compressAlgorithm > 1 || (flags & COMPRESSED) != 0 != (compressAlgorithm == 1)) {
            throw new CapabilityException("Cannot open " + file.name() + ": compression " + compressAlgorithm
                    + " with flags 0x" + Integer.toHexString(flags) + " is not known here");
        }
        if (Long.bitCount(grainSize) != 1 || grainSize < 1 || grainSize > MAX_GRAIN) {
            throw bad(file, "grainSize is " + Long.toUnsignedString(grainSize));
        }
        if (numGtesPerGt < 1 || numGtesPerGt > 512) {
            throw bad(file, "numGTEsPerGT is " + Integer.toUnsignedString(numGtesPerGt));
        }
        if (capacity < 0 || capacity > Long.MAX_VALUE / 512) {
            throw bad(file, "capacity is " + Long.toUnsignedString(capacity));
        }
        if (tables() > budget.maxTableBytes() / 4) {
            throw new OpenPolicyException("Not opening " + file.name() + ": its grain directory has " + tables()
                    + " entries, more than the budget of " + budget.maxTableBytes() + " bytes");
        }
        requireWithin(file, "gdOffset", gdOffset);
        if (redundant()) {
            requireWithin(file, "rgdOffset", rgdOffset);
        }
        if (overHead < 0 || overHead > Long.MAX_VALUE / 512) {
            throw bad(file, "overHead is " + Long.toUnsignedString(overHead));
        }
        if (file.size() < gdOffset * 512 + tables() * 4) {
            throw bad(file, "the file is truncated, expecting at least " + (gdOffset * 512 + tables() * 4) + " bytes");
        }
    }

    private void requireWithin(ImageFile file, String field, long sector) {
        if (sector < 1 || sector > file.size() / 512) {
            throw bad(file, field + " is " + Long.toUnsignedString(sector));
        }
    }

    boolean redundant() {
        return (flags & REDUNDANT) != 0;
    }

    boolean compressed() {
        return (flags & COMPRESSED) != 0;
    }

    /** Grain tables, which is entries of the grain directory. */
    long tables() {
        return Math.ceilDiv(capacity, grainSize * numGtesPerGt);
    }

    void write(MemorySegment bytes) {
        bytes.set(INT, 0, MAGIC);
        bytes.set(INT, 4, version);
        bytes.set(INT, 8, flags);
        bytes.set(LONG, 12, capacity);
        bytes.set(LONG, 20, grainSize);
        bytes.set(LONG, 28, descriptorOffset);
        bytes.set(LONG, 36, descriptorSize);
        bytes.set(INT, 44, numGtesPerGt);
        bytes.set(LONG, 48, rgdOffset);
        bytes.set(LONG, 56, gdOffset);
        bytes.set(LONG, 64, overHead);
        // Line ends that a transfer as text would have changed.
        bytes.set(ValueLayout.JAVA_BYTE, 73, (byte) '\n');
        bytes.set(ValueLayout.JAVA_BYTE, 74, (byte) ' ');
        bytes.set(ValueLayout.JAVA_BYTE, 75, (byte) '\r');
        bytes.set(ValueLayout.JAVA_BYTE, 76, (byte) '\n');
        bytes.set(SHORT, 77, (short) compressAlgorithm);
    }

    static FormatException bad(ImageFile file, String what) {
        return new FormatException("The VMDK header of " + file.name() + " is not valid: " + what);
    }
}
