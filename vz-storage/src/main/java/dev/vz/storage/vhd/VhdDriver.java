package dev.vz.storage.vhd;

import dev.vz.error.FormatException;
import dev.vz.storage.block.BlockTableDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** An open dynamic VHD image: blocks with a sector bitmap in front of each, and the footer behind the last. */
public final class VhdDriver extends BlockTableDriver {

    private static final int UNUSED = -1;
    private final byte[] footer;
    private final int bitmapBytes;

    private VhdDriver(ImageFile file, boolean readOnly, Layout layout, long[] table, byte[] footer) {
        super(file, readOnly, layout, table);
        this.footer = footer;
        this.bitmapBytes = layout.prefix();
    }

    /** Opens the image in {@code file}, fixed or dynamic. */
    public static ImageDriver open(ImageFile file, boolean readOnly, Budget budget) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(VhdFooter.LENGTH);
            file.read(0, bytes);
            boolean copyInFront = VhdFooter.isFooter(bytes);
            if (!copyInFront) {
                // Only fixed images have it at the end alone.
                file.read(Math.max(0, file.size() - VhdFooter.LENGTH), bytes);
            }
            VhdFooter footer = VhdFooter.parse(bytes, file.name());
            if (footer.type() == VhdFooter.FIXED) {
                return new FixedVhdDriver(file, footer.size());
            }
            return dynamic(file, readOnly, budget, footer, bytes.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private static VhdDriver dynamic(ImageFile file, boolean readOnly, Budget budget, VhdFooter footer, byte[] copy) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(1024);
            if (footer.dataOffset() < 0 || footer.dataOffset() >= file.size()) {
                throw bad(file, "its dynamic header is at " + Long.toUnsignedString(footer.dataOffset()));
            }
            file.read(footer.dataOffset(), header);
            if (!new String(header.asSlice(0, 8).toArray(ValueLayout.JAVA_BYTE),
                    java.nio.charset.StandardCharsets.ISO_8859_1).equals("cxsparse")) {
                throw bad(file, "its dynamic header does not start with 'cxsparse'");
            }
            long tableOffset = header.get(VhdFooter.LONG, 16);
            int entries = header.get(VhdFooter.INT, 28);
            int blockSize = header.get(VhdFooter.INT, 32);
            if (Integer.bitCount(blockSize) != 1 || blockSize < 512) {
                throw bad(file, "its blocks have " + Integer.toUnsignedString(blockSize) + " bytes");
            }
            if (entries < 0 || entries > Integer.MAX_VALUE / 4) {
                throw bad(file, "its block table has " + Integer.toUnsignedString(entries) + " entries");
            }
            if (entries * 4L > budget.maxTableBytes()) {
                throw new OpenPolicyException("Not opening " + file.name() + ": its block table has " + Integer
                        .toUnsignedString(entries) + " entries, more than the budget of " + budget.maxTableBytes()
                        + " bytes");
            }
            if (header.get(VhdFooter.INT, 36) != VhdFooter.checksum(header, 1024, 36)) {
                throw bad(file, "the checksum of its dynamic header is wrong");
            }
            if ((long) entries * blockSize < footer.size()) {
                throw bad(file, entries + " blocks of " + blockSize + " bytes are too few for a disk of "
                        + footer.size());
            }
            if (tableOffset < VhdFooter.LENGTH || tableOffset % 512 != 0 || tableOffset > file.size() - entries * 4L) {
                throw bad(file, "its block table is at " + Long.toUnsignedString(tableOffset));
            }
            int bitmapBytes = Math.max(1, blockSize / 512 / 8) + 511 & -512;
            long dataOffset = tableOffset + entries * 4L + 511 & -512;
            return new VhdDriver(file, readOnly, new Layout(footer.size(), blockSize, bitmapBytes, tableOffset, 4,
                    dataOffset), table(file, tableOffset, entries, bitmapBytes), copy);
        }
    }

    private static long[] table(ImageFile file, long offset, int entries, int bitmapBytes) {
        long[] table = new long[entries];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, entries) * 4L);
            file.read(offset, bytes);
            for (int i = 0; i < entries; i++) {
                int sector = bytes.get(VhdFooter.INT, i * 4L);
                table[i] = sector == UNUSED ? UNALLOCATED : Integer.toUnsignedLong(sector) * 512 + bitmapBytes;
            }
        }
        return table;
    }

    private static FormatException bad(ImageFile file, String what) {
        return new FormatException("The VHD image " + file.name() + " is not valid: " + what);
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.VPC;
    }

    @Override
    protected void putEntry(MemorySegment bytes, long at, long fileOffset) {
        bytes.set(VhdFooter.INT, at, fileOffset == UNALLOCATED ? UNUSED : (int) ((fileOffset - bitmapBytes) / 512));
    }

    /** All sectors of the block are there: what is not written reads as zeros. It covers the old footer. */
    @Override
    protected void startBlock(ImageFile file, long fileOffset) {
        try (Arena arena = Arena.ofConfined()) {
            file.write(fileOffset, arena.allocate(bitmapBytes).fill((byte) 0xff));
        }
    }

    @Override
    protected void tableWritten(ImageFile file, long end) {
        file.write(end, MemorySegment.ofArray(footer));
    }
}
