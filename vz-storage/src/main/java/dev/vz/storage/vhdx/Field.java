package dev.vz.storage.vhdx;

import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** Fields of the file's structures, all little-endian, and their checksums: CRC-32C with the checksum itself as zero. */
final class Field {

    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final int MEBIBYTE = 1 << 20;
    private static final int CHECKSUM_AT = 4;

    private Field() {}

    /** Four letters as they are in the file. */
    static int signature(String letters) {
        return letters.charAt(0) | letters.charAt(1) << 8 | letters.charAt(2) << 16 | letters.charAt(3) << 24;
    }

    static boolean checksumIsRight(MemorySegment bytes) {
        int stated = bytes.get(INT, CHECKSUM_AT);
        bytes.set(INT, CHECKSUM_AT, 0);
        int right = checksum(bytes);
        bytes.set(INT, CHECKSUM_AT, stated);
        return stated == right;
    }

    static void putChecksum(MemorySegment bytes) {
        bytes.set(INT, CHECKSUM_AT, 0);
        bytes.set(INT, CHECKSUM_AT, checksum(bytes));
    }

    private static int checksum(MemorySegment bytes) {
        var crc = new CRC32C();
        crc.update(bytes.asByteBuffer());
        return (int) crc.getValue();
    }

    static FormatException bad(ImageFile file, String what) {
        return new FormatException("The VHDX image " + file.name() + " is not valid: " + what);
    }
}
