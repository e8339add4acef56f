package dev.vz.storage.vdi;

import dev.vz.storage.block.BlockTableDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** An open VDI image: a map of blocks of 1 MiB. */
public final class VdiDriver extends BlockTableDriver {

    private final VdiHeader header;

    private VdiDriver(ImageFile file, boolean readOnly, VdiHeader header, long[] table) {
        super(file, readOnly, new Layout(header.diskSize(), VdiHeader.BLOCK, 0, header.blockMap(), 4, header.data()),
                table);
        this.header = header;
    }

    /** Opens the image in {@code file}. */
    public static VdiDriver open(ImageFile file, boolean readOnly, Budget budget) {
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
                } else if (entry < 0 || entry >= table.length) {
                    throw new CorruptImageException("Block " + i + " of " + file.name() + " is said to be number "
                            + Integer.toUnsignedString(entry) + " of at most " + table.length);
                } else {
                    table[i] = header.data() + (long) entry * VdiHeader.BLOCK;
                }
            }
        }
        return new VdiDriver(file, readOnly, header, table);
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

    @Override
    protected void tableWritten(ImageFile file, long end) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(4);
            // How many blocks the file has, abandoned ones included: the next writer goes on behind them.
            count.set(VdiHeader.INT, 0, (int) ((end - header.data()) / VdiHeader.BLOCK));
            file.write(VdiHeader.ALLOCATED_AT, count);
        }
    }
}
