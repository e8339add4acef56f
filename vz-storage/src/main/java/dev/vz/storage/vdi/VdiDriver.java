package dev.vz.storage.vdi;

import dev.vz.error.LifecycleException;
import dev.vz.storage.block.BlockCheck;
import dev.vz.storage.block.BlockTableDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** An open VDI image: a map of blocks of 1 MiB. */
public final class VdiDriver extends BlockTableDriver implements CheckableDriver {

    private final VdiHeader header;
    /** The number of blocks that the header states. */
    private int stated;

    private VdiDriver(ImageFile file, boolean readOnly, VdiHeader header, long[] table) {
        super(file, readOnly, new Layout(header.diskSize(), VdiHeader.BLOCK, 0, header.blockMap(), 4, header.data()),
                table);
        this.header = header;
        this.stated = header.allocated();
    }

    /**
     * Opens the image in {@code file}.
     *
     * @param asFound whether to leave a count of blocks that a crash left wrong to {@link #check} and {@link #repair}
     */
    public static VdiDriver open(ImageFile file, boolean readOnly, boolean asFound, Budget budget) {
        VdiHeader header = VdiHeader.read(file);
        if (header.blocks() * 4L > budget.maxTableBytes()) {
            throw new OpenPolicyException("Not opening " + file.name() + ": its block map has " + header.blocks()
                    + " entries, more than the budget of " + budget.maxTableBytes() + " bytes");
        }
        long[] table = new long[header.blocks()];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment map = arena.allocate(Math.max(1, table.length) * 4L);
            file.read(header.blockMap(), map);
            for (int i = 0; i < table.length; i++) {
                int entry = map.get(VdiHeader.INT, i * 4L);
                if (entry == VdiHeader.UNALLOCATED || entry == VdiHeader.DISCARDED) {
                    table[i] = UNALLOCATED;
                } else {
                    // One that is too large names a place past the end, and is an error when it is used.
                    table[i] = header.data() + Integer.toUnsignedLong(entry) * VdiHeader.BLOCK;
                }
            }
        }
        var driver = new VdiDriver(file, readOnly, header, table);
        if (!driver.readOnly() && !asFound) {
            driver.recount();
        }
        return driver;
    }

    /** After a crash the header may count blocks that the map does not use: they are free again. */
    private void recount() {
        BlockCheck found = checkBlocks();
        int blocks = blocksBefore(found.end());
        if (found.wrong().isEmpty() && stated > blocks) {
            writeCount(file(), blocks);
        }
    }

    private int blocksBefore(long end) {
        return (int) ((end - header.data()) / VdiHeader.BLOCK);
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.VDI;
    }

    @Override
    protected void putEntry(MemorySegment bytes, long at, long fileOffset) {
        bytes.set(VdiHeader.INT, at, fileOffset == UNALLOCATED ? VdiHeader.UNALLOCATED
                : (int) ((fileOffset - header.data()) / VdiHeader.BLOCK));
    }

    /**
     * Other programs put the next block behind as many as the header counts: it must never say fewer than the map uses,
     * not even after a crash. It says more if blocks were abandoned.
     */
    @Override
    protected void beforeTable(ImageFile file, long end) {
        int blocks = blocksBefore(end);
        if (blocks != stated) {
            writeCount(file, blocks);
        }
    }

    private void writeCount(ImageFile file, int blocks) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(4);
            count.set(VdiHeader.INT, 0, blocks);
            file.write(VdiHeader.ALLOCATED_AT, count);
        }
        file.flush();
        stated = blocks;
    }

    @Override
    public CheckReport check() {
        long stamp = use().writeLock();
        try {
            return check(false);
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
            return check(all);
        } finally {
            use().unlockWrite(stamp);
        }
    }

    private CheckReport check(boolean fix) {
        if (!readOnly()) {
            flush();
        }
        BlockCheck blocks = checkBlocks();
        List<String> messages = new ArrayList<>(blocks.messages());
        long corruptions = blocks.wrong().size();
        long leaks = 0;
        if (stated < blocks.allocated()) {
            messages.add("ERROR the header counts " + Integer.toUnsignedString(stated) + " blocks, the map uses "
                    + blocks.allocated());
            corruptions++;
        } else if (stated > blocks.allocated()) {
            leaks = stated - blocks.allocated();
        }
        if (!fix || corruptions == 0) {
            return report(corruptions, leaks, 0, messages);
        }
        forgetBlocks(blocks);
        writeCount(file(), blocksBefore(blocks.end()));
        return report(0, leaks, corruptions, messages);
    }

    private static CheckReport report(long corruptions, long leaks, long fixed, List<String> messages) {
        return new CheckReport(corruptions, leaks, fixed, 0, 0, 0, 0, 0, 0, 0, List.copyOf(messages));
    }
}
