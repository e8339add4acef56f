package dev.vz.storage.parallels;

import dev.vz.storage.block.BlockTableDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An open Parallels image: a table of clusters. While it is open for writing, its header says so. */
public final class ParallelsDriver extends BlockTableDriver {

    private final int unit;

    private ParallelsDriver(ImageFile file, boolean readOnly, ParallelsHeader header, Layout layout, long[] table) {
        super(file, readOnly, layout, table);
        this.unit = header.multiplier() * 512;
    }

    /** Opens the image in {@code file}. */
    public static ParallelsDriver open(ImageFile file, boolean readOnly, Budget budget) {
        ParallelsHeader header = ParallelsHeader.read(file);
        if (header.batEntries() * 4L > budget.maxTableBytes()) {
            throw new OpenPolicyException("Not opening " + file.name() + ": its table has " + header.batEntries()
                    + " entries, more than the budget of " + budget.maxTableBytes() + " bytes");
        }
        long[] table = new long[header.batEntries()];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, table.length) * 4L);
            file.read(ParallelsHeader.LENGTH, bytes);
            for (int i = 0; i < table.length; i++) {
                int entry = bytes.get(ParallelsHeader.INT, i * 4L);
                table[i] = entry == 0 ? UNALLOCATED : Integer.toUnsignedLong(entry) * header.multiplier() * 512;
            }
        }
        int cluster = header.tracks() * 512;
        // Entries that count clusters can only name places at whole ones.
        long data = header.multiplier() == 1 ? header.dataOffset() : (header.dataOffset() + cluster - 1) / cluster
                * cluster;
        var driver = new ParallelsDriver(file, readOnly, header, new Layout(header.sectors() * 512, cluster, 0,
                ParallelsHeader.LENGTH, 4, data), table);
        if (!driver.readOnly()) {
            mark(file, ParallelsHeader.IN_USE);
        }
        return driver;
    }

    private static void mark(ImageFile file, int state) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(4);
            bytes.set(ParallelsHeader.INT, 0, state);
            file.write(ParallelsHeader.IN_USE_AT, bytes);
            file.flush();
        }
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.PARALLELS;
    }

    @Override
    protected void putEntry(MemorySegment bytes, long at, long fileOffset) {
        bytes.set(ParallelsHeader.INT, at, fileOffset == UNALLOCATED ? 0 : (int) (fileOffset / unit));
    }

    @Override
    protected void finish(ImageFile file) {
        mark(file, 0);
    }
}
