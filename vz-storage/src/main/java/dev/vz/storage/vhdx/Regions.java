package dev.vz.storage.vhdx;

import dev.vz.error.CapabilityException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Where the block allocation table and the metadata are: section "Region Table".
 *
 * @param batOffset      where the table is
 * @param batLength      how many bytes it has
 * @param metadataOffset where the metadata are
 * @param metadataLength how many bytes they have
 */
record Regions(long batOffset, long batLength, long metadataOffset, long metadataLength) {

    static final long FIRST = 192 * 1024;
    static final long SECOND = 256 * 1024;
    static final int LENGTH = 64 * 1024;
    static final int SIGNATURE = Field.signature("regi");
    private static final int MAX_ENTRIES = 2047;

    static Regions read(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(LENGTH);
            for (long at : new long[] {FIRST, SECOND}) {
                file.read(at, bytes);
                if (bytes.get(Field.INT, 0) == SIGNATURE && Field.checksumIsRight(bytes)) {
                    return parse(file, bytes);
                }
            }
            throw Field.bad(file, "neither of its region tables has the right signature and checksum");
        }
    }

    private static Regions parse(ImageFile file, MemorySegment bytes) {
        int count = bytes.get(Field.INT, 8);
        if (count < 0 || count > MAX_ENTRIES) {
            throw Field.bad(file, "its region table has " + Integer.toUnsignedString(count) + " entries");
        }
        long[] bat = null;
        long[] metadata = null;
        for (int i = 0; i < count; i++) {
            long at = 16 + i * 32L;
            Guid guid = Guid.read(bytes, at);
            long[] place = {bytes.get(Field.LONG, at + 16), Integer.toUnsignedLong(bytes.get(Field.INT, at + 24))};
            boolean required = (bytes.get(Field.INT, at + 28) & 1) != 0;
            if (guid.equals(Guid.BAT)) {
                bat = once(file, bat, place, "block allocation table");
            } else if (guid.equals(Guid.METADATA)) {
                metadata = once(file, metadata, place, "metadata region");
            } else if (required) {
                throw new CapabilityException("Cannot open " + file.name()
                        + ": it has a required region that is not known here");
            }
        }
        if (bat == null || metadata == null) {
            throw Field.bad(file, "it has no " + (bat == null ? "block allocation table" : "metadata region"));
        }
        if (bat[0] < metadata[0] + metadata[1] && metadata[0] < bat[0] + bat[1]) {
            throw Field.bad(file, "its block allocation table and its metadata region overlap");
        }
        return new Regions(bat[0], bat[1], metadata[0], metadata[1]);
    }

    private static long[] once(ImageFile file, long @Nullable [] before, long[] place, String what) {
        if (before != null) {
            throw Field.bad(file, "it has two regions for a " + what);
        }
        if (place[0] < Field.MEBIBYTE || place[0] % Field.MEBIBYTE != 0 || place[1] == 0 || place[1]
                % Field.MEBIBYTE != 0 || place[0] > file.size()) {
            throw Field.bad(file,
                    "its " + what + " takes " + place[1] + " bytes at " + Long.toUnsignedString(place[0]));
        }
        return place;
    }

    void encode(MemorySegment bytes) {
        bytes.set(Field.INT, 0, SIGNATURE);
        bytes.set(Field.INT, 8, 2);
        entry(bytes, 16, Guid.BAT, batOffset, batLength);
        entry(bytes, 48, Guid.METADATA, metadataOffset, metadataLength);
        Field.putChecksum(bytes);
    }

    private static void entry(MemorySegment bytes, long at, Guid guid, long offset, long length) {
        guid.write(bytes, at);
        bytes.set(Field.LONG, at + 16, offset);
        bytes.set(Field.INT, at + 24, (int) length);
        bytes.set(Field.INT, at + 28, 1);
    }
}
