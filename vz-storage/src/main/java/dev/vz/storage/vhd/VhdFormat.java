package dev.vz.storage.vhd;

import dev.vz.error.ConfigurationException;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.util.UUID;

/** Makes VHD images. */
public final class VhdFormat {

    private static final int BLOCK = 2 << 20;
    /** Where the block table is, behind the footer's copy and the dynamic header. */
    private static final int TABLE = 1536;
    private static final long MAX_SIZE = 2040L << 30;
    /** Seconds from 1970 to 2000, from when the format counts. */
    private static final long EPOCH = 946_684_800;

    private VhdFormat() {}

    /**
     * Writes an empty image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size  bytes of the disk, rounded up to 512
     * @param fixed whether all of it is in the file from the start
     * @param clock tells when
     */
    public static void create(ImageFile file, long size, boolean fixed, Clock clock) {
        create(file, size, fixed, true, clock);
    }

    /**
     * Writes an empty image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size  bytes of the disk, rounded up to 512
     * @param fixed whether all of it is in the file from the start
     * @param exact whether the disk has that size; else it has what the next larger number of cylinders, heads and sectors
     *              gives, as Virtual PC demands
     * @param clock tells when
     */
    public static void create(ImageFile file, long size, boolean fixed, boolean exact, Clock clock) {
        if (size < 0 || size > MAX_SIZE) {
            throw new ConfigurationException("A VHD image holds disks up to " + MAX_SIZE + " bytes, not " + size);
        }
        long rounded = exact ? size + 511 & -512 : byGeometry(size);
        file.resize(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment footer = footer(arena, rounded, fixed ? VhdFooter.FIXED : VhdFooter.DYNAMIC, exact, clock);
            if (fixed) {
                file.writeZeroes(0, Math.max(rounded, 1), false);
                file.write(rounded, footer);
            } else {
                int entries = (int) ((rounded + BLOCK - 1) / BLOCK);
                writeEmpty(file, arena, footer, dynamicHeader(arena, entries, TABLE), entries, TABLE);
            }
            file.flush();
        }
    }

    /**
     * Writes an empty differencing image into {@code file}, which stays the caller's, and makes it durable.
     *
     * @param size     bytes of the disk, a multiple of 512: the parent's
     * @param parent   the parent's file as a path of this host; a relative one starts at the new image's folder
     * @param link     what the parent's {@link VhdDriver#link()} says
     * @param modified when the parent's file was written last
     * @param clock    tells when
     */
    public static void createOver(ImageFile file, long size, String parent, String link, Instant modified,
            Clock clock) {
        if (size < 0 || size > MAX_SIZE || size % 512 != 0) {
            throw new ConfigurationException("A differencing VHD image holds a disk of whole sectors up to " + MAX_SIZE
                    + " bytes, not " + size);
        }
        int entries = (int) ((size + BLOCK - 1) / BLOCK);
        byte[] locator = ParentLocator.encode(parent);
        long table = TABLE + (long) ParentLocator.space(locator.length);
        file.resize(0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = dynamicHeader(arena, entries, table);
            ParentLocator.put(header, UUID.fromString(link), seconds(modified), parent, locator.length, TABLE);
            header.set(VhdFooter.INT, 36, VhdFooter.checksum(header, 1024, 36));
            writeEmpty(file, arena, footer(arena, size, VhdFooter.DIFFERENCING, true, clock), header, entries, table);
            file.write(TABLE, ParentLocator.padded(arena, locator));
            file.flush();
        }
    }

    private static void writeEmpty(ImageFile file, Arena arena, MemorySegment footer, MemorySegment header, int entries,
            long tableOffset) {
        MemorySegment table = arena.allocate(Math.max(512, entries * 4L + 511 & -512)).fill((byte) 0xff);
        file.write(0, footer);
        file.write(512, header);
        file.write(tableOffset, table);
        file.write(tableOffset + table.byteSize(), footer);
    }

    private static int seconds(Instant instant) {
        return (int) Math.max(0, instant.getEpochSecond() - EPOCH);
    }

    private static MemorySegment dynamicHeader(Arena arena, int entries, long tableOffset) {
        MemorySegment header = arena.allocate(1024);
        MemorySegment.copy("cxsparse".getBytes(StandardCharsets.US_ASCII), 0, header, ValueLayout.JAVA_BYTE, 0, 8);
        header.set(VhdFooter.LONG, 8, -1);
        header.set(VhdFooter.LONG, 16, tableOffset);
        header.set(VhdFooter.INT, 24, VhdFooter.VERSION);
        header.set(VhdFooter.INT, 28, entries);
        header.set(VhdFooter.INT, 32, BLOCK);
        header.set(VhdFooter.INT, 36, VhdFooter.checksum(header, 1024, 36));
        return header;
    }

    private static MemorySegment footer(Arena arena, long size, int type, boolean exact, Clock clock) {
        boolean fixed = type == VhdFooter.FIXED;
        MemorySegment footer = arena.allocate(VhdFooter.LENGTH);
        MemorySegment.copy(VhdFooter.COOKIE, 0, footer, ValueLayout.JAVA_BYTE, 0, 8);
        footer.set(VhdFooter.INT, 8, 2);
        footer.set(VhdFooter.INT, 12, VhdFooter.VERSION);
        footer.set(VhdFooter.LONG, 16, fixed ? -1 : VhdFooter.LENGTH);
        footer.set(VhdFooter.INT, 24, seconds(clock.instant()));
        // Readers that know this name take the exact size; to them, others mean cylinders times heads times sectors.
        MemorySegment.copy((exact ? "qem2" : "qemu").getBytes(StandardCharsets.US_ASCII), 0, footer,
                ValueLayout.JAVA_BYTE, 28, 4);
        MemorySegment.copy("Wi2k".getBytes(StandardCharsets.US_ASCII), 0, footer, ValueLayout.JAVA_BYTE, 36, 4);
        footer.set(VhdFooter.INT, 32, 0x00010000);
        footer.set(VhdFooter.LONG, 40, size);
        footer.set(VhdFooter.LONG, 48, size);
        putGeometry(footer, size / 512);
        footer.set(VhdFooter.INT, 60, type);
        VhdFooter.putUuid(footer, 68, UUID.randomUUID());
        footer.set(VhdFooter.INT, 64, VhdFooter.checksum(footer, VhdFooter.LENGTH, 64));
        return footer;
    }

    private static long byGeometry(long size) {
        long wanted = (size + 511) / 512;
        if (wanted > 65535L * 16 * 255) {
            throw new ConfigurationException("A disk of " + size
                    + " bytes has more cylinders, heads and sectors than a VHD image can state");
        }
        Geometry geometry = Geometry.of(wanted);
        // What it gives is less than what was asked for, as often as not; more sectors give a larger one at some point.
        for (long more = 1; geometry.sectors() < wanted; more++) {
            geometry = Geometry.of(wanted + more);
        }
        return geometry.sectors() * 512;
    }

    private static void putGeometry(MemorySegment footer, long size) {
        Geometry geometry = Geometry.of(size);
        footer.set(VhdFooter.SHORT, 56, (short) geometry.cylinders());
        footer.set(ValueLayout.JAVA_BYTE, 58, (byte) geometry.heads());
        footer.set(ValueLayout.JAVA_BYTE, 59, (byte) geometry.sectorsPerTrack());
    }
}
