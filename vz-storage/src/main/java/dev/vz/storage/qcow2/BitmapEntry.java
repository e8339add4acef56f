package dev.vz.storage.qcow2;

import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An entry of the bitmap directory: section "Bitmap directory entries".
 *
 * @param tableOffset     where its table is
 * @param tableEntries    entries of the table
 * @param flags           bit 0 in use, bit 1 automatic, bit 2 extra data is compatible
 * @param granularityBits log2 of the bytes of the disk for each bit
 * @param name            its name
 * @param extra           extra data, kept
 */
record BitmapEntry(long tableOffset, int tableEntries, int flags, int granularityBits, String name, byte[] extra) {

    static final int IN_USE = 1;
    static final int AUTO = 2;
    static final int EXTRA_COMPATIBLE = 4;
    static final int MAX_BITMAPS = 65535;
    static final int MAX_NAME = 1023;
    private static final int FIXED = 24;
    private static final int DIRTY_TRACKING = 1;
    private static final long MAX_DIRECTORY = 16L << 20;
    private static final int MAX_TABLE_BYTES = 32 << 20;

    /** Where the directory is. */
    record Directory(int count, long size, long offset) {}

    static Optional<Directory> directory(Qcow2Header header) {
        // Without the autoclear bit somebody wrote who did not know bitmaps, and they mean nothing any more.
        if ((header.autoclearFeatures() & Feature.BITMAPS) == 0) {
            return Optional.empty();
        }
        return header.extension(HeaderExtension.BITMAPS).filter(extension -> extension.data().length >= 24).map(
                extension -> {
                    MemorySegment data = MemorySegment.ofArray(extension.data());
                    return new Directory(BigEndian.getInt(data, 0), BigEndian.getLong(data, 8), BigEndian.getLong(data,
                            16));
                });
    }

    static List<BitmapEntry> read(ImageFile file, Qcow2Header header) {
        Directory directory = directory(header).orElse(new Directory(0, 0, 0));
        if (directory.count == 0) {
            return List.of();
        }
        if (directory.count < 0 || directory.count > MAX_BITMAPS || directory.size < 0
                || directory.size > MAX_DIRECTORY || directory.offset < 0 || directory.offset > file.size()
                        - directory.size) {
            throw new FormatException("The bitmap directory of " + file.name() + " has " + Integer.toUnsignedString(
                    directory.count) + " entries in " + Long.toUnsignedString(directory.size) + " bytes at 0x"
                    + Long
                            .toHexString(directory.offset));
        }
        byte[] bytes = new byte[(int) directory.size];
        MemorySegment segment = MemorySegment.ofArray(bytes);
        file.read(directory.offset, segment);
        List<BitmapEntry> entries = new ArrayList<>();
        long at = 0;
        for (int i = 0; i < directory.count; i++) {
            if (at > directory.size - FIXED) {
                throw new FormatException("The bitmap directory of " + file.name() + " ends within entry " + i);
            }
            int nameLength = BigEndian.getShort(segment, at + 18);
            long extraLength = Integer.toUnsignedLong(BigEndian.getInt(segment, at + 20));
            long end = at + FIXED + extraLength + nameLength;
            int table = BigEndian.getInt(segment, at + 8);
            int bits = segment.get(ValueLayout.JAVA_BYTE, at + 17);
            int type = segment.get(ValueLayout.JAVA_BYTE, at + 16);
            if (end > directory.size || nameLength > MAX_NAME || nameLength == 0 || table < 0 || table
                    > MAX_TABLE_BYTES / 8 || bits < 9 || bits > 31 || type != DIRTY_TRACKING) {
                throw new FormatException("Entry " + i + " of the bitmap directory of " + file.name()
                        + " is not valid: type " + type + ", a table of " + Integer.toUnsignedString(table)
                        + " entries, granularity 2^" + bits + ", a name of " + nameLength + " bytes");
            }
            byte[] extra = segment.asSlice(at + FIXED, extraLength).toArray(ValueLayout.JAVA_BYTE);
            String name = new String(bytes, (int) (at + FIXED + extraLength), nameLength, StandardCharsets.UTF_8);
            entries.add(new BitmapEntry(BigEndian.getLong(segment, at), table, BigEndian.getInt(segment, at + 12), bits,
                    name, extra));
            at = end + 7 & ~7L;
        }
        return entries;
    }

    static byte[] encode(List<BitmapEntry> entries) {
        var bytes = new ByteArrayOutputStream();
        for (BitmapEntry entry : entries) {
            byte[] name = entry.name.getBytes(StandardCharsets.UTF_8);
            int length = FIXED + entry.extra.length + name.length + 7 & ~7;
            ByteBuffer each = ByteBuffer.allocate(length);
            each.putLong(entry.tableOffset).putInt(entry.tableEntries).putInt(entry.flags).put((byte) DIRTY_TRACKING)
                    .put((byte) entry.granularityBits).putShort((short) name.length).putInt(entry.extra.length).put(
                            entry.extra)
                    .put(name);
            bytes.writeBytes(each.array());
        }
        return bytes.toByteArray();
    }

    BitmapEntry withFlags(int flags) {
        return new BitmapEntry(tableOffset, tableEntries, flags, granularityBits, name, extra);
    }

    BitmapEntry withTable(long offset, int entries, int flags) {
        return new BitmapEntry(offset, entries, flags, granularityBits, name, extra);
    }

    BitmapInfo info() {
        return new BitmapInfo(name, 1 << granularityBits, (flags & AUTO) != 0, (flags & IN_USE) == 0);
    }
}
