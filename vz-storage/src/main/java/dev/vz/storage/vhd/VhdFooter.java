package dev.vz.storage.vhd;

import dev.vz.error.FormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/**
 * The footer of a VHD image, the last 512 bytes of its file; dynamic images start with a copy. All numbers are
 * big-endian. Section "Hard Disk Footer Format".
 *
 * @param dataOffset where the dynamic header is; -1 in a fixed image
 * @param size       bytes of the disk
 * @param type       2 fixed, 3 dynamic, 4 differencing
 * @param uniqueId   by which differencing images know it
 */
record VhdFooter(long dataOffset, long size, int type, UUID uniqueId) {

    static final int LENGTH = 512;
    static final int FIXED = 2;
    static final int DYNAMIC = 3;
    static final int DIFFERENCING = 4;
    static final int VERSION = 0x00010000;
    static final byte[] COOKIE = "conectix".getBytes(StandardCharsets.US_ASCII);
    /** The largest disk that the cylinders, heads and sectors of the footer can describe. */
    static final long MAX_CHS_SECTORS = 65535L * 16 * 255;

    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    static boolean isFooter(MemorySegment bytes) {
        return bytes.asSlice(0, COOKIE.length).mismatch(MemorySegment.ofArray(COOKIE)) < 0;
    }

    /** Reads a footer and checks it. */
    static VhdFooter parse(MemorySegment bytes, String name) {
        if (!isFooter(bytes)) {
            throw new FormatException("The file " + name + " is no VHD image: it has no footer 'conectix'");
        }
        int sum = bytes.get(INT, 64);
        if (sum != checksum(bytes, LENGTH, 64)) {
            throw new FormatException("The VHD footer of " + name + " is damaged: its checksum is 0x" + Integer
                    .toHexString(sum) + ", it should be 0x" + Integer.toHexString(checksum(bytes, LENGTH, 64)));
        }
        int type = bytes.get(INT, 60);
        if (type != FIXED && type != DYNAMIC && type != DIFFERENCING) {
            throw new FormatException(
                    "The VHD image " + name + " is of unknown type " + Integer.toUnsignedString(type));
        }
        long size = size(bytes);
        if (size < 0) {
            throw new FormatException("The VHD image " + name + " is for a disk of " + Long.toUnsignedString(size)
                    + " bytes");
        }
        return new VhdFooter(bytes.get(LONG, 16), size, type, uuid(bytes, 68));
    }

    /**
     * Virtual PC counted by cylinders, heads and sectors; others that state the size exactly are known by their names.
     */
    private static long size(MemorySegment bytes) {
        String creator = new String(bytes.asSlice(28, 4).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        long cylinders = Short.toUnsignedLong(bytes.get(SHORT, 56));
        long sectors = cylinders * Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, 58)) * Byte.toUnsignedInt(bytes
                .get(ValueLayout.JAVA_BYTE, 59));
        boolean exact = !creator.equals("vpc ") && !creator.equals("qemu") || sectors == MAX_CHS_SECTORS;
        return exact ? bytes.get(LONG, 48) : sectors * 512;
    }

    /** An identifier, as this format writes it: all of it big-endian. */
    static UUID uuid(MemorySegment bytes, long at) {
        return new UUID(bytes.get(LONG, at), bytes.get(LONG, at + 8));
    }

    static void putUuid(MemorySegment bytes, long at, UUID id) {
        bytes.set(LONG, at, id.getMostSignificantBits());
        bytes.set(LONG, at + 8, id.getLeastSignificantBits());
    }

    /** The ones' complement of the sum of all bytes but the checksum's own. */
    static int checksum(MemorySegment bytes, int length, int fieldAt) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            if (i < fieldAt || i >= fieldAt + 4) {
                sum += Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, i));
            }
        }
        return ~sum;
    }
}
