package dev.vz.storage.qcow2;

import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The directory of persistent bitmaps: section "Bitmaps". Only as far as a check must know which clusters they take. */
final class BitmapDirectory {

    private static final long MAX_DIRECTORY = 65535L * 1024;
    private static final int MAX_TABLE_BYTES = 0x8000000;
    private static final int ENTRY = 24;

    /** Is told of clusters from {@code offset} on. */
    interface Visitor {
        boolean use(long offset, long clusters, String what);
    }

    private BitmapDirectory() {}

    static void forEachCluster(ImageFile file, Qcow2Header header, Visitor visitor) {
        Optional<HeaderExtension> extension = header.extension(HeaderExtension.BITMAPS);
        // Without the autoclear bit somebody wrote who did not know bitmaps, and they mean nothing any more.
        if (extension.isEmpty() || (header.autoclearFeatures() & Feature.BITMAPS) == 0) {
            return;
        }
        MemorySegment data = MemorySegment.ofArray(extension.get().data());
        if (data.byteSize() < 24) {
            throw new FormatException("The bitmaps extension of " + file.name() + " has " + data.byteSize()
                    + " bytes, not 24");
        }
        int count = BigEndian.getInt(data, 0);
        long size = BigEndian.getLong(data, 8);
        long offset = BigEndian.getLong(data, 16);
        if (count == 0) {
            return;
        }
        if (size < 0 || size > MAX_DIRECTORY || offset < 0 || offset > Geometry.MAX_FILE - size) {
            throw new FormatException("The bitmap directory of " + file.name() + " takes " + Long.toUnsignedString(size)
                    + " bytes at 0x" + Long.toHexString(offset));
        }
        Geometry geometry = Geometry.of(header);
        visitor.use(offset, geometry.clusters(size), "the bitmap directory");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment directory = arena.allocate(Math.max(size, 1));
            file.read(offset, directory);
            long at = 0;
            while (at <= size - ENTRY) {
                long table = BigEndian.getLong(directory, at);
                int entries = BigEndian.getInt(directory, at + 8);
                table(file, geometry, table, entries, visitor);
                long next = ENTRY + BigEndian.getShort(directory, at + 18)
                        + Integer.toUnsignedLong(BigEndian.getInt(directory, at + 20));
                at += next + 7 & ~7L;
            }
        }
    }

    private static void table(ImageFile file, Geometry geometry, long table, int entries, Visitor visitor) {
        if (entries < 0 || entries > MAX_TABLE_BYTES / 8 || !visitor.use(table, geometry.clusters(entries * 8L),
                "a bitmap table")) {
            return;
        }
        for (long entry : Refcounts.readTable(file, table, entries)) {
            if ((entry & Geometry.OFFSET_MASK) != 0) {
                visitor.use(entry & Geometry.OFFSET_MASK, 1, "a bitmap cluster");
            }
        }
    }
}
