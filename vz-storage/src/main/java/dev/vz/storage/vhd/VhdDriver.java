package dev.vz.storage.vhd;

import dev.vz.error.FormatException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.block.BlockTableDriver;
import dev.vz.storage.block.SectorBitmaps;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.ClearableDriver;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.LinkedDriver;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.SortedMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An open dynamic or differencing VHD image: blocks with a sector bitmap in front of each, and the footer behind the last.
 *
 * <p>
 * In a differencing image the bitmap says which sectors are there; the others are the parent's. In a dynamic one all of a
 * block is there, since what is not written reads as zeros.
 */
public final class VhdDriver extends BlockTableDriver implements LinkedDriver, ClearableDriver {

    private static final int UNUSED = -1;
    private static final int HEADER = 1024;
    private final byte[] footer;
    private final UUID uniqueId;
    private final @Nullable ParentLocator parent;
    private final int bitmapBytes;

    private VhdDriver(ImageFile file, boolean readOnly, Layout layout, long[] table, byte[] footer, UUID uniqueId,
            @Nullable ParentLocator parent) {
        super(file, readOnly, layout, table, parent == null ? null : bitmaps(file, layout, table.length));
        this.footer = footer;
        this.uniqueId = uniqueId;
        this.parent = parent;
        this.bitmapBytes = layout.prefix();
    }

    private static SectorBitmaps bitmaps(ImageFile file, Layout layout, int blocks) {
        return new SectorBitmaps(blocks, layout.blockSize(), 512, true, (block, data, bits) -> file.read(data - layout
                .prefix(), MemorySegment.ofArray(bits)));
    }

    /** Opens the image in {@code file}: fixed, dynamic or differencing. */
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
                return new FixedVhdDriver(file, footer);
            }
            return dynamic(file, readOnly, budget, footer, bytes.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    private static VhdDriver dynamic(ImageFile file, boolean readOnly, Budget budget, VhdFooter footer, byte[] copy) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment header = arena.allocate(HEADER);
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
            if (header.get(VhdFooter.INT, 36) != VhdFooter.checksum(header, HEADER, 36)) {
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
            ParentLocator parent = footer.type() == VhdFooter.DIFFERENCING ? ParentLocator.read(file, header) : null;
            return new VhdDriver(file, readOnly, new Layout(footer.size(), blockSize, bitmapBytes, tableOffset, 4,
                    dataOffset), table(file, tableOffset, entries, bitmapBytes), copy, footer.uniqueId(), parent);
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

    static FormatException bad(ImageFile file, String what) {
        return new FormatException("The VHD image " + file.name() + " is not valid: " + what);
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.VPC;
    }

    @Override
    public Optional<ImpliedFile> backing() {
        return Optional.ofNullable(parent).map(found -> new ImpliedFile(ImpliedFile.Role.BACKING, found.name(),
                ImageFormat.VPC.label(), file().name()));
    }

    @Override
    public String link() {
        return uniqueId.toString();
    }

    @Override
    public Optional<String> parentLink() {
        return Optional.ofNullable(parent).map(found -> found.id().toString());
    }

    /** A VHD image keeps its identifier when it is written, so there is nothing else that could be meant. */
    @Override
    public void relink(String link) {
        if (!parentLink().equals(Optional.of(link))) {
            throw new FormatException("The VHD image " + file().name() + " was made over " + parentLink().orElse(
                    "no other") + ", not over " + link);
        }
    }

    @Override
    public void clear() {
        if (readOnly() || parent == null) {
            throw new LifecycleException("Cannot empty the image " + file().name() + (readOnly()
                    ? ": it is open for reading only" : ": it has no parent"));
        }
        forgetAll();
    }

    @Override
    protected void putEntry(MemorySegment bytes, long at, long fileOffset) {
        bytes.set(VhdFooter.INT, at, fileOffset == UNALLOCATED ? UNUSED : (int) ((fileOffset - bitmapBytes) / 512));
    }

    /**
     * All sectors of the block are there: what is not written reads as zeros; over a parent, none are yet. It covers the old
     * footer.
     */
    @Override
    protected void startBlock(ImageFile file, long fileOffset) {
        try (Arena arena = Arena.ofConfined()) {
            file.write(fileOffset, arena.allocate(bitmapBytes).fill((byte) (parent == null ? 0xff : 0)));
        }
    }

    @Override
    protected void writeBitmaps(ImageFile file, long[] table, SortedMap<Integer, byte[]> changed) {
        changed.forEach((block, bits) -> file.write(table[block] - bitmapBytes, MemorySegment.ofArray(bits)));
    }

    @Override
    protected void tableWritten(ImageFile file, long end) {
        file.write(end, MemorySegment.ofArray(footer));
    }
}
