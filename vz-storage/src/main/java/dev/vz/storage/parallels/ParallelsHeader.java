package dev.vz.storage.parallels;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The header of a Parallels image. All numbers are little-endian; offsets in the file are counted in sectors of 512
 * bytes, in images with the second magic in clusters.
 *
 * @param tracks     sectors of a cluster
 * @param batEntries entries of the block allocation table, which starts at byte 64
 * @param sectors    sectors of the disk
 * @param inUse      whether a writer did not close it in good order
 * @param dataOffset where clusters may start, in bytes
 * @param multiplier sectors that an entry of the table counts
 */
record ParallelsHeader(int tracks, int batEntries, long sectors, boolean inUse, long dataOffset, int multiplier) {

    static final int LENGTH = 64;
    static final int IN_USE_AT = 44;
    static final int IN_USE = 0x746F6E59;
    static final String MAGIC = "WithoutFreeSpace";
    static final String MAGIC_CLUSTERS = "WithouFreSpacExt";
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    static ParallelsHeader read(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(LENGTH);
            file.read(0, bytes);
            return parse(bytes, file.name());
        }
    }

    private static ParallelsHeader parse(MemorySegment bytes, String name) {
        String magic = new String(bytes.asSlice(0, 16).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        boolean clusters = magic.equals(MAGIC_CLUSTERS);
        if (!clusters && !magic.equals(MAGIC)) {
            throw bad(name, "it starts with no known magic");
        }
        if (bytes.get(INT, 16) != 2) {
            throw new CapabilityException(
                    "Cannot open " + name + ": version 2 of the format is known, it has " + Integer
                            .toUnsignedString(bytes.get(INT, 16)));
        }
        int tracks = bytes.get(INT, 28);
        if (tracks <= 0 || tracks > 1 << 20 || Integer.bitCount(tracks) != 1) {
            throw bad(name, "its clusters have " + Integer.toUnsignedString(tracks)
                    + " sectors, not a power of two up to 1048576");
        }
        int entries = bytes.get(INT, 32);
        long sectors = clusters ? bytes.get(LONG, 36) : Integer.toUnsignedLong(bytes.get(INT, 36));
        if (entries < 0 || entries > Integer.MAX_VALUE / 4) {
            throw bad(name, "its table has " + Integer.toUnsignedString(entries) + " entries");
        }
        if (sectors < 0 || sectors > (long) entries * tracks) {
            throw bad(name, "a disk of " + Long.toUnsignedString(sectors) + " sectors does not fit into " + Integer
                    .toUnsignedString(entries) + " clusters of " + tracks);
        }
        long tableEnd = LENGTH + entries * 4L + 511 & -512;
        long data = Integer.toUnsignedLong(bytes.get(INT, 48)) * 512;
        if (data != 0 && data < LENGTH + entries * 4L) {
            throw bad(name, "data starts at " + data + ", within the table");
        }
        int state = bytes.get(INT, IN_USE_AT);
        return new ParallelsHeader(tracks, entries, sectors, state == IN_USE, data == 0 ? tableEnd : data,
                clusters ? tracks : 1);
    }

    private static FormatException bad(String name, String what) {
        return new FormatException("The Parallels header of " + name + " is not valid: " + what);
    }
}
