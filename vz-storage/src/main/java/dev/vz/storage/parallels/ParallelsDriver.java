package dev.vz.storage.parallels;

import dev.vz.error.LifecycleException;
import dev.vz.storage.block.BlockCheck;
import dev.vz.storage.block.BlockTableDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** An open Parallels image: a table of clusters. While it is open for writing, its header says so. */
public final class ParallelsDriver extends BlockTableDriver implements CheckableDriver {

    private final int unit;
    private final int tableLength;
    /** Whether somebody stopped in the middle of writing. */
    private boolean unclean;

    private ParallelsDriver(ImageFile file, boolean readOnly, ParallelsHeader header, Layout layout, long[] table) {
        super(file, readOnly, layout, table);
        this.unit = header.multiplier() * 512;
        this.tableLength = table.length;
        this.unclean = header.inUse();
    }

    /**
     * Opens the image in {@code file}. One that was not closed in good order is looked through before it is written.
     *
     * @param asFound whether to leave that to {@link #check} and {@link #repair}
     * @throws CorruptImageException if that look finds places that cannot be right
     */
    public static ParallelsDriver open(ImageFile file, boolean readOnly, boolean asFound, Budget budget) {
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
        if (!driver.readOnly() && !asFound) {
            driver.recover();
            mark(file, ParallelsHeader.IN_USE);
        }
        return driver;
    }

    /** Clusters are linked when their data is durable, so after a crash there are at worst some that nothing uses. */
    private void recover() {
        if (!unclean) {
            return;
        }
        BlockCheck found = checkBlocks();
        if (!found.wrong().isEmpty()) {
            throw new CorruptImageException("Not opening " + file().name()
                    + " for writing: it was not closed in good order, and " + found.messages().getFirst()
                    + "; repair it first");
        }
        unclean = false;
    }

    /** Whether the header in {@code file}, if it is one, says that somebody writes it or stopped without closing it. */
    public static boolean unclean(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(4);
            file.read(ParallelsHeader.IN_USE_AT, state);
            return state.get(ParallelsHeader.INT, 0) == ParallelsHeader.IN_USE;
        }
    }

    /** Whether the last one who wrote did not close it in good order. */
    public boolean unclean() {
        return unclean;
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
    public CheckReport check() {
        long stamp = use().writeLock();
        try {
            return check(false, false);
        } finally {
            use().unlockWrite(stamp);
        }
    }

    @Override
    public CheckReport repair(boolean all) {
        if (readOnly()) {
            throw new LifecycleException("The image " + file().name() + " is open for reading only");
        }
        long stamp = use().writeLock();
        try {
            return check(true, all);
        } finally {
            use().unlockWrite(stamp);
        }
    }

    private CheckReport check(boolean leaksToo, boolean all) {
        if (!readOnly()) {
            flush();
        }
        List<String> messages = new ArrayList<>();
        long corruptions = 0;
        if (unclean) {
            messages.add((all ? "Repairing" : "ERROR") + " image was not closed correctly");
            corruptions++;
        }
        BlockCheck blocks = checkBlocks();
        messages.addAll(blocks.messages());
        corruptions += blocks.wrong().size();
        if (all) {
            if (!blocks.wrong().isEmpty()) {
                forgetBlocks(blocks);
            }
            // That it is in order now is written when it is closed.
            unclean = false;
        }
        long behind = file().size() - blocks.end();
        long leaks = behind > 0 ? Math.ceilDiv(behind, granule()) : 0;
        if (leaks > 0) {
            messages.add((leaksToo ? "Repairing" : "ERROR") + " space leaked at the end of the image " + behind);
            if (leaksToo) {
                file().resize(blocks.end());
                file().flush();
            }
        }
        return new CheckReport(all ? 0 : corruptions, leaksToo ? 0 : leaks, all ? corruptions : 0, leaksToo ? leaks : 0,
                tableLength, blocks.allocated(), blocks.fragmented(), 0, blocks.end(), 0, List.copyOf(messages));
    }

    @Override
    protected void finish(ImageFile file) {
        if (!unclean) {
            mark(file, 0);
        }
    }
}
