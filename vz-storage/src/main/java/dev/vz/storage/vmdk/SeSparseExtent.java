package dev.vz.storage.vmdk;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A "space-efficient" sparse extent of ESXi servers, for reading. There is no public specification; the layout is the one
 * that QEMU reads: a constant header, a volatile one that says whether a journal is open, a directory of grain tables and
 * grains of 4 KiB, all counted in sectors.
 */
final class SeSparseExtent implements Extent {

    private static final long MAGIC = 0xcafebabeL;
    private static final long VOLATILE_MAGIC = 0xcafecafeL;
    private static final long VERSION = 0x2_0000_0001L;
    private static final int SECTOR = 512;
    private static final int GRAIN = 8 * SECTOR;
    private static final int TABLE_SECTORS = 64;
    private static final int ENTRIES = TABLE_SECTORS * SECTOR / 8;
    private static final long MAX_SECTORS = Long.MAX_VALUE / SECTOR / 2;

    private final ImageFile file;
    private final long size;
    private final long tablesOffset;
    private final long grainsOffset;
    private final long[] directory;
    private final long[] @Nullable [] tables;
    private final int[] loaded;
    private int hand;

    private SeSparseExtent(ImageFile file, long size, long tablesOffset, long grainsOffset, long[] directory,
            int cached) {
        this.file = file;
        this.size = size;
        this.tablesOffset = tablesOffset;
        this.grainsOffset = grainsOffset;
        this.directory = directory;
        this.tables = new long[directory.length][];
        this.loaded = new int[cached];
        java.util.Arrays.fill(loaded, -1);
    }

    /** Opens the extent in {@code file}, which the descriptor gives {@code size} bytes of the disk. */
    static SeSparseExtent open(ImageFile file, long size, Budget budget) {
        long[] header = numbers(file, 0, SECTOR / 8);
        if (header[0] != MAGIC) {
            throw bad(file, "its header starts with 0x" + Long.toHexString(header[0]) + ", not with 0xcafebabe");
        }
        if (header[1] != VERSION || header[3] != 8 || header[4] != TABLE_SECTORS || header[5] != 0) {
            throw new CapabilityException("Cannot open " + file.name() + ": seSparse version 2.1 with grains of 8 "
                    + "sectors and tables of 64 is known, it has version 0x" + Long.toHexString(header[1])
                    + ", grains of " + header[3] + ", tables of " + header[4] + " and flags 0x" + Long.toHexString(
                            header[5]));
        }
        long capacity = header[2];
        if (capacity < 0 || capacity > MAX_SECTORS || size > capacity * SECTOR) {
            throw bad(file, "it has " + Long.toUnsignedString(capacity) + " sectors, the descriptor says " + size
                    / SECTOR);
        }
        long[] state = numbers(file, sector(file, header[10], "volatile header"), 4);
        if (state[0] != VOLATILE_MAGIC) {
            throw bad(file,
                    "its volatile header starts with 0x" + Long.toHexString(state[0]) + ", not with 0xcafecafe");
        }
        if (state[3] != 0) {
            throw new CapabilityException("Cannot open " + file.name()
                    + ": it was not closed, and its journal is not repeated here; open it once on the server");
        }
        long wanted = Math.ceilDiv(capacity * SECTOR, (long) GRAIN * ENTRIES);
        if (wanted * 8 > budget.maxTableBytes()) {
            throw new OpenPolicyException("Not opening " + file.name() + ": its grain directory has " + wanted
                    + " entries, more than the budget of " + budget.maxTableBytes() + " bytes");
        }
        if (header[17] < 0 || header[17] * (SECTOR / 8) < wanted) {
            throw bad(file, "its grain directory has " + Long.toUnsignedString(header[17]) + " sectors, too few for "
                    + capacity + " sectors of the disk");
        }
        long[] directory = numbers(file, sector(file, header[16], "grain directory"), (int) wanted);
        return new SeSparseExtent(file, size, sector(file, header[18], "grain tables"), sector(file, header[24],
                "grains"), directory, Math.clamp(budget.cacheBytes() / (TABLE_SECTORS * SECTOR), 1, 1 << 16));
    }

    private static long sector(ImageFile file, long sector, String what) {
        if (sector < 1 || sector > MAX_SECTORS) {
            throw bad(file, "the place of its " + what + " is sector " + Long.toUnsignedString(sector));
        }
        return sector * SECTOR;
    }

    private static long[] numbers(ImageFile file, long at, int count) {
        byte[] bytes = new byte[Math.max(1, count) * 8];
        MemorySegment segment = MemorySegment.ofArray(bytes);
        file.read(at, segment);
        long[] numbers = new long[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = segment.get(SparseHeader.LONG, i * 8L);
        }
        return numbers;
    }

    private static FormatException bad(ImageFile file, String what) {
        return new FormatException("The seSparse extent " + file.name() + " is not valid: " + what);
    }

    /** The table with that number in the directory; {@code null} if there is none. */
    private synchronized long @Nullable [] table(int number) {
        long[] known = tables[number];
        long entry = directory[number];
        if (known != null || entry == 0) {
            return known;
        }
        if (entry >>> 32 != 0x1000_0000L) {
            throw new CorruptImageException("Grain table " + number + " of " + file.name() + " has the entry 0x" + Long
                    .toHexString(entry));
        }
        long at = tablesOffset + (entry & 0xffff_ffffL) * TABLE_SECTORS * SECTOR;
        if (at > file.size() - TABLE_SECTORS * SECTOR) {
            throw new CorruptImageException("Grain table " + number + " of " + file.name() + " is said to be at " + at
                    + " of " + file.size() + " bytes");
        }
        long[] table = numbers(file, at, ENTRIES);
        if (loaded[hand] >= 0) {
            tables[loaded[hand]] = null;
        }
        loaded[hand] = number;
        hand = (hand + 1) % loaded.length;
        tables[number] = table;
        return table;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        long grain = offset / GRAIN;
        int in = (int) (offset % GRAIN);
        long[] table = table((int) (grain / ENTRIES));
        if (table == null) {
            long end = (grain / ENTRIES + 1) * ENTRIES * GRAIN;
            mapping.unallocated(Math.min(length, end - offset));
            return;
        }
        long run = Math.min(length, GRAIN - in);
        long entry = table[(int) (grain % ENTRIES)];
        switch ((int) (entry >>> 60)) {
            case 0 -> {
                if (entry != 0) {
                    throw wrong(grain, entry);
                }
                mapping.unallocated(run);
            }
            case 1, 2 -> mapping.zero(null, 0, run);
            case 3 -> {
                // The number's lowest twelve bits come first.
                long number = entry >>> 48 & 0xfff | (entry & 0xffff_ffff_ffffL) << 12;
                if (number < 0 || number > MAX_SECTORS / 8 || grainsOffset + number * GRAIN >= file.size()) {
                    throw wrong(grain, entry);
                }
                mapping.data(file, grainsOffset + number * GRAIN + in, run);
            }
            default -> throw wrong(grain, entry);
        }
    }

    private CorruptImageException wrong(long grain, long entry) {
        return new CorruptImageException("Grain " + grain + " of " + file.name() + " has the entry 0x" + Long
                .toHexString(entry) + ", which names no place in the file");
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public ImageFile file() {
        return file;
    }

    @Override
    public int granule() {
        return GRAIN;
    }

    @Override
    public void prepareWrite(long offset, long length, WritePlan plan) {
        throw new CapabilityException("Cannot write the seSparse extent " + file.name()
                + ": such extents are only read here; convert the image into another format");
    }

    @Override
    public long zero(long offset, long length, boolean mayUnmap) {
        return 0;
    }

    @Override
    public void flush() {
        // Nothing is ever written.
    }

    @Override
    public void close() {
        file.close();
    }
}
