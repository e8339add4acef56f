package dev.vz.storage.cloop;

import dev.vz.error.FormatException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.Inflation;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.OpenPolicyException;
import dev.vz.storage.image.ReadOnlyDriver;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** An open image: blocks of equal size, deflated one after the other. Its numbers are big-endian. */
public final class CloopDriver extends ReadOnlyDriver {

    /** How such a file starts: a shell script that mounts it. */
    public static final String START = "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 "
            + "/dev/cloop $1\n";

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final int MAX_BLOCK = 64 << 20;
    private static final int MAX_BLOCKS = (512 << 20) / 8 - 1;
    private static final int HEADER = 128;

    private final long[] offsets;
    private final int blockSize;

    private CloopDriver(ImageFile file, int blockSize, long[] offsets) {
        super(file, (offsets.length - 1L) * blockSize);
        this.blockSize = blockSize;
        this.offsets = offsets;
    }

    /** Opens the image in {@code file}. */
    public static CloopDriver open(ImageFile file, Budget budget) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(8);
            file.read(HEADER, header);
            int block = header.get(INT, 0);
            int blocks = header.get(INT, 4);
            if (block == 0) {
                throw new FormatException("block_size cannot be zero");
            }
            if (block % 512 != 0) {
                throw new FormatException(
                        "block_size " + Integer.toUnsignedString(block) + " must be a multiple of 512");
            }
            if (block < 0 || block > MAX_BLOCK) {
                throw new FormatException("block_size " + Integer.toUnsignedString(block) + " must be 64 MB or less");
            }
            if (blocks < 0 || blocks > MAX_BLOCKS) {
                throw new FormatException("n_blocks " + Integer.toUnsignedString(blocks) + " must be " + MAX_BLOCKS
                        + " or less");
            }
            if ((blocks + 1L) * 8 > Math.max(budget.maxTableBytes(), 8)) {
                throw new OpenPolicyException("Not opening " + file.name() + ": its table has " + blocks
                        + " entries, more than the budget of " + budget.maxTableBytes() + " bytes");
            }
            long[] offsets = new long[blocks + 1];
            MemorySegment table = arena.allocate(offsets.length * 8L);
            file.read(HEADER + 8, table);
            MemorySegment.copy(table, LONG, 0, offsets, 0, offsets.length);
            for (int i = 1; i < offsets.length; i++) {
                long size = offsets[i] - offsets[i - 1];
                if (offsets[i] < offsets[i - 1] || offsets[i - 1] < 0) {
                    throw new FormatException("offsets not monotonically increasing at index " + i
                            + ", image file is corrupt");
                }
                if (size > 2L * MAX_BLOCK) {
                    throw new FormatException("invalid compressed block size at index " + i
                            + ", image file is corrupt");
                }
            }
            return new CloopDriver(file, block, offsets);
        }
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.CLOOP;
    }

    @Override
    public int granule() {
        return blockSize;
    }

    @Override
    public int unitSize() {
        return blockSize;
    }

    @Override
    public void locate(long offset, long length, Mapping mapping) {
        int block = (int) (offset / blockSize);
        int in = (int) (offset % blockSize);
        mapping.compressed(file(), offsets[block], (int) (offsets[block + 1] - offsets[block]), in, Math.min(length,
                blockSize - in));
    }

    @Override
    public void unpack(Mapping mapping, MemorySegment stored, MemorySegment unit) {
        Inflation.inflate(stored.asSlice(0, mapping.storedLength()), unit, file().name());
    }
}
