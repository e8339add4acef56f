package dev.vz.storage.dmg;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The tables of runs ("blkx"), in the property list or the resource fork that the trailer ("koly") names. */
final class BlockTables {

    static final int TRAILER = 512;
    private static final byte[] KOLY = "koly".getBytes(StandardCharsets.US_ASCII);
    private static final int MISH = 0x6d697368;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int TABLE_HEADER = 204;
    private static final int ENTRY = 40;
    private static final long MAX_SECTORS = 1L << 52;
    private static final int MAX_RUN = 64 << 20;
    private static final Pattern DATA = Pattern.compile("<data>([^<]*)</data>");

    /** The ways in which a run is held. */
    enum Kind {
        ZERO,
        RAW,
        ZLIB,
        BZIP2
    }

    /**
     * A run of sectors.
     *
     * @param sector  first of the disk
     * @param sectors how many
     * @param offset  where in the file
     * @param length  bytes there
     */
    record Run(Kind kind, long sector, long sectors, long offset, long length) {}

    private BlockTables() {}

    /** All runs, in the disk's order. */
    static List<Run> read(ImageFile file, Budget budget) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment trailer = arena.allocate(TRAILER);
            file.read(Math.max(0, file.size() - TRAILER), trailer);
            if (trailer.asSlice(0, 4).mismatch(MemorySegment.ofArray(KOLY)) >= 0) {
                throw new FormatException("Image not in DMG format: " + file.name() + " has no trailer 'koly'");
            }
            long base = trailer.get(LONG, 24);
            List<Run> runs = new ArrayList<>();
            long resourceLength = trailer.get(LONG, 48);
            if (resourceLength > 0) {
                resourceFork(slice(arena, file, trailer.get(LONG, 40), resourceLength, budget), base, file, runs);
            } else {
                propertyList(slice(arena, file, trailer.get(LONG, 216), trailer.get(LONG, 224), budget), base, file,
                        runs);
            }
            runs.sort(Comparator.comparingLong(Run::sector));
            long end = 0;
            for (Run run : runs) {
                if (run.sector < end) {
                    throw bad(file, "two runs hold sector " + run.sector);
                }
                end = run.sector + run.sectors;
            }
            return runs;
        }
    }

    private static MemorySegment slice(Arena arena, ImageFile file, long at, long length, Budget budget) {
        if (at < 0 || length <= 0 || length > budget.maxTableBytes() || at > file.size() - length) {
            throw bad(file,
                    "its tables take " + Long.toUnsignedString(length) + " bytes at " + Long.toUnsignedString(at));
        }
        MemorySegment bytes = arena.allocate(length);
        file.read(at, bytes);
        return bytes;
    }

    private static void propertyList(MemorySegment list, long base, ImageFile file, List<Run> runs) {
        Matcher data = DATA.matcher(new String(list.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
        while (data.find()) {
            byte[] table;
            try {
                table = Base64.getMimeDecoder().decode(data.group(1));
            } catch (IllegalArgumentException malformed) {
                throw bad(file, "its property list has data that is not base64: " + malformed.getMessage());
            }
            table(MemorySegment.ofArray(table), base, file, runs);
        }
    }

    private static void resourceFork(MemorySegment fork, long base, ImageFile file, List<Run> runs) {
        long at = Integer.toUnsignedLong(fork.byteSize() < 16 ? 0 : fork.get(INT, 0));
        long end = at + Integer.toUnsignedLong(fork.byteSize() < 16 ? 0 : fork.get(INT, 8));
        if (at < 16 || end > fork.byteSize()) {
            throw bad(file, "its resource fork has data from " + at + " to " + end + " of " + fork.byteSize());
        }
        while (at <= end - 4) {
            long length = Integer.toUnsignedLong(fork.get(INT, at));
            if (length == 0 || length > end - at - 4) {
                throw bad(file, "a resource has " + length + " bytes");
            }
            table(fork.asSlice(at + 4, length), base, file, runs);
            at += 4 + length;
        }
    }

    private static void table(MemorySegment table, long base, ImageFile file, List<Run> runs) {
        if (table.byteSize() < TABLE_HEADER || table.get(INT, 0) != MISH) {
            return; // some other resource
        }
        long first = table.get(LONG, 8);
        long dataOffset = base + table.get(LONG, 24);
        for (long at = TABLE_HEADER; at <= table.byteSize() - ENTRY; at += ENTRY) {
            int type = table.get(INT, at);
            Kind kind = switch (type) {
                case 0, 2 -> Kind.ZERO;
                case 1 -> Kind.RAW;
                case 0x80000005 -> Kind.ZLIB;
                case 0x80000006 -> Kind.BZIP2;
                case 0x7ffffffe, 0xffffffff -> null; // a comment, the end
                default -> throw new CapabilityException("Cannot open " + file.name() + ": its runs are of type 0x"
                        + Integer.toHexString(type) + "; zero, raw, zlib and bzip2 are known here");
            };
            if (kind == null) {
                continue;
            }
            var run = new Run(kind, first + table.get(LONG, at + 8), table.get(LONG, at + 16), dataOffset + table.get(
                    LONG, at + 24), table.get(LONG, at + 32));
            check(run, file);
            if (run.sectors > 0) {
                runs.add(run);
            }
        }
    }

    private static void check(Run run, ImageFile file) {
        boolean unpacked = run.kind == Kind.ZLIB || run.kind == Kind.BZIP2;
        if (run.sector < 0 || run.sectors < 0 || run.sector > MAX_SECTORS || run.sectors > MAX_SECTORS || unpacked
                && (run.sectors > MAX_RUN / 512 || run.length > MAX_RUN)) {
            throw bad(file, "a run of " + Long.toUnsignedString(run.sectors) + " sectors at " + Long.toUnsignedString(
                    run.sector) + " takes " + Long.toUnsignedString(run.length) + " bytes");
        }
        if (run.kind != Kind.ZERO && (run.length < 0 || run.offset < 0 || run.offset > file.size() - run.length
                || run.kind == Kind.RAW && run.length < run.sectors * 512)) {
            throw bad(file,
                    "the run of sector " + run.sector + " is " + Long.toUnsignedString(run.length) + " bytes at "
                            + Long.toUnsignedString(run.offset));
        }
    }

    static FormatException bad(ImageFile file, String what) {
        return new FormatException("The DMG image " + file.name() + " is not valid: " + what);
    }
}
