package dev.vz.storage.vhdx;

import dev.vz.error.CapabilityException;
import dev.vz.error.FormatException;
import dev.vz.error.LifecycleException;
import dev.vz.storage.block.BlockTableDriver;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.Budget;
import dev.vz.storage.image.CheckReport;
import dev.vz.storage.image.CheckableDriver;
import dev.vz.storage.image.ClearableDriver;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.ImageFormat;
import dev.vz.storage.image.ImpliedFile;
import dev.vz.storage.image.LinkedDriver;
import dev.vz.storage.image.OpenPolicyException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * An open VHDX image: blocks of 1 to 256 MiB, whose table is written through the log. In a differencing image a block may be
 * there in part; then {@link BitmapBlocks} say which sectors are.
 */
public final class VhdxDriver extends BlockTableDriver implements CheckableDriver, LinkedDriver, ClearableDriver {

    static final byte[] FILE_SIGNATURE = "vhdxfile".getBytes(StandardCharsets.US_ASCII);
    static final int STATE = 7;
    static final int NOT_PRESENT = 0;
    static final int FULLY_PRESENT = 6;
    static final int PARTIALLY_PRESENT = 7;
    static final long PLACE = -(1L << 20);

    private final Headers headers;
    private final Regions regions;
    private volatile Metadata metadata;
    private final Log log;
    /** The block allocation table as it is in the file, in whole sectors of the log. */
    private final byte[] bat;
    private final @Nullable BitmapBlocks bitmapBlocks;
    private final AtomicBoolean marked = new AtomicBoolean();
    private boolean replayed;

    private VhdxDriver(ImageFile file, boolean readOnly, Headers headers, Regions regions, Metadata metadata,
            byte[] bat, long[] table, @Nullable BitmapBlocks bitmapBlocks) {
        super(file, readOnly, new Layout(metadata.virtualDiskSize(), metadata.blockSize(), 0, regions.batOffset(), 8,
                Field.MEBIBYTE), table, bitmapBlocks == null ? null : bitmapBlocks.bitmaps(table));
        this.bitmapBlocks = bitmapBlocks;
        this.headers = headers;
        this.regions = regions;
        this.metadata = metadata;
        this.log = new Log(file, headers);
        this.bat = bat;
        addFrom(Math.ceilDiv(Math.max(file.size(), regions.batOffset() + regions.batLength()), Field.MEBIBYTE)
                * Field.MEBIBYTE);
    }

    /**
     * Opens the image in {@code file}, and replays its log if it was not closed in good order.
     *
     * @throws CapabilityException if a log must be replayed, but the image is to be read only
     */
    public static VhdxDriver open(ImageFile file, boolean readOnly, Budget budget) {
        boolean forReading = readOnly || file.readOnly();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment start = arena.allocate(8);
            file.read(0, start);
            if (start.mismatch(MemorySegment.ofArray(FILE_SIGNATURE)) >= 0) {
                throw new FormatException("The file " + file.name()
                        + " is no VHDX image: it does not start with the magic number 'vhdxfile'");
            }
        }
        Headers headers = Headers.read(file);
        boolean replayed = false;
        if (!headers.log().equals(Guid.ZERO) && headers.logLength() > 0) {
            if (forReading) {
                throw new CapabilityException("VHDX image file '" + file.name()
                        + "' opened read-only, but contains a log that needs to be replayed");
            }
            new LogReplay(file, headers).run();
            replayed = true;
        }
        Regions regions = Regions.read(file);
        Metadata metadata = Metadata.read(file, regions);
        if (metadata.batEntries() * 8 > regions.batLength()) {
            throw Field.bad(file, "its block allocation table of " + regions.batLength() + " bytes is too short for "
                    + metadata.batEntries() + " entries");
        }
        if (metadata.batEntries() * 8 > budget.maxTableBytes()) {
            throw new OpenPolicyException("Not opening " + file.name() + ": its block allocation table has " + metadata
                    .batEntries() + " entries, more than the budget of " + budget.maxTableBytes() + " bytes");
        }
        byte[] bat = new byte[Math.toIntExact(Math.ceilDiv(metadata.batEntries() * 8, Log.SECTOR) * Log.SECTOR)];
        file.read(regions.batOffset(), MemorySegment.ofArray(bat));
        var driver = new VhdxDriver(file, forReading, headers, regions, metadata, bat, table(file, metadata, bat),
                metadata.parent() == null ? null : new BitmapBlocks(file, metadata, bat));
        driver.replayed = replayed;
        return driver;
    }

    private static long[] table(ImageFile file, Metadata metadata, byte[] bat) {
        MemorySegment entries = MemorySegment.ofArray(bat);
        long[] table = new long[Math.toIntExact(metadata.blocks())];
        for (int block = 0; block < table.length; block++) {
            long entry = entries.get(Field.LONG, entryAt(metadata, block));
            int state = (int) entry & STATE;
            boolean differs = metadata.parent() != null;
            if (state == PARTIALLY_PRESENT && !differs) {
                throw new CorruptImageException("Block " + block + " of " + file.name()
                        + " is said to be there in part, which only differencing images have");
            }
            if (state == 4 || state == 5) {
                throw new CorruptImageException("Block " + block + " of " + file.name() + " is in the unknown state "
                        + state);
            }
            boolean present = state == FULLY_PRESENT || state == PARTIALLY_PRESENT;
            // Over a parent, all states but the first one hide what it has.
            table[block] = present ? entry & PLACE : differs && state != NOT_PRESENT ? ZEROS : UNALLOCATED;
            if (present && (table[block] <= 0 || table[block] >= file.size())) {
                throw new CorruptImageException("Block " + block + " of " + file.name() + " is said to be at "
                        + Long.toUnsignedString(table[block]) + " of a file of " + file.size() + " bytes");
            }
        }
        return table;
    }

    /** Where the entry of a payload block is: after each chunk, one of a block of bitmaps comes between. */
    static long entryAt(Metadata metadata, long block) {
        return (block + block / metadata.chunkRatio()) * 8;
    }

    @Override
    public ImageFormat format() {
        return ImageFormat.VHDX;
    }

    /** Bytes of the log. */
    public int logLength() {
        return headers.logLength();
    }

    @Override
    protected void putEntry(MemorySegment bytes, long at, long fileOffset) {
        bytes.set(Field.LONG, at, fileOffset | FULLY_PRESENT);
    }

    @Override
    protected void startBlock(ImageFile file, long fileOffset) {
        markWritten();
    }

    @Override
    protected void beforeWrite() {
        markWritten();
    }

    private void markWritten() {
        if (marked.compareAndSet(false, true)) {
            headers.markWritten();
        }
    }

    @Override
    protected void writeEntries(ImageFile file, long[] table, int dirtyFrom, int dirtyTo) {
        SortedMap<Long, byte[]> sectors = new TreeMap<>();
        MemorySegment entries = MemorySegment.ofArray(bat);
        int last = -1;
        for (int block = dirtyFrom; block < dirtyTo; block++) {
            long at = entryAt(metadata, block);
            long entry = table[block] < 0 ? absent(entries.get(Field.LONG, at)) : table[block] | (isWhole(block)
                    ? FULLY_PRESENT : PARTIALLY_PRESENT);
            if (entries.get(Field.LONG, at) == entry) {
                continue;
            }
            entries.set(Field.LONG, at, entry);
            int sector = (int) (at / Log.SECTOR);
            if (sector != last) {
                if (sectors.size() == log.room()) {
                    write(file, sectors);
                }
                last = sector;
            }
            sectors.put(regions.batOffset() + (long) sector * Log.SECTOR, Arrays.copyOfRange(bat, sector * Log.SECTOR,
                    (sector + 1) * Log.SECTOR));
        }
        if (!sectors.isEmpty()) {
            write(file, sectors);
        }
    }

    /** A block that is not in the file keeps the state that it had, unless it was there. */
    private static long absent(long entry) {
        int state = (int) entry & STATE;
        return state == FULLY_PRESENT || state == PARTIALLY_PRESENT ? NOT_PRESENT : entry;
    }

    /** First the bitmaps, then that they are there; what blocks they are of is said after that, in the table. */
    @Override
    protected void writeBitmaps(ImageFile file, long[] table, SortedMap<Integer, byte[]> changed) {
        BitmapBlocks blocks = java.util.Objects.requireNonNull(bitmapBlocks);
        SortedMap<Long, byte[]> entries = blocks.allocate(changed.keySet(), () -> takeSpace(Field.MEBIBYTE), regions
                .batOffset());
        if (!entries.isEmpty()) {
            file.flush(); // they are zeros, durably
        }
        writeInPieces(file, entries);
        writeInPieces(file, blocks.sectors(changed));
    }

    private void writeInPieces(ImageFile file, SortedMap<Long, byte[]> sectors) {
        SortedMap<Long, byte[]> piece = new TreeMap<>();
        sectors.forEach((at, bytes) -> {
            if (piece.size() == log.room()) {
                write(file, piece);
            }
            piece.put(at, bytes);
        });
        if (!piece.isEmpty()) {
            write(file, piece);
        }
    }

    private void write(ImageFile file, SortedMap<Long, byte[]> sectors) {
        log.append(sectors);
        sectors.forEach((at, bytes) -> file.write(at, MemorySegment.ofArray(bytes)));
        // Their entry names itself as the tail: these must be in their places before the next one is written.
        file.flush();
        sectors.clear();
    }

    @Override
    public Optional<ImpliedFile> backing() {
        return Optional.ofNullable(metadata.parent()).map(parent -> new ImpliedFile(ImpliedFile.Role.BACKING, parent
                .name(), ImageFormat.VHDX.label(), file().name()));
    }

    @Override
    public String link() {
        return headers.dataWrite().toString();
    }

    @Override
    public Optional<String> parentLink() {
        return Optional.ofNullable(metadata.parent()).map(ParentLocator::linkage);
    }

    @Override
    public void relink(String link) {
        ParentLocator parent = metadata.parent();
        byte[] text = link.getBytes(StandardCharsets.UTF_16LE);
        if (readOnly() || parent == null || link.length() != parent.linkage().length()) {
            throw new LifecycleException("Cannot link the image " + file().name() + " to " + link + ": it "
                    + (readOnly() ? "is open for reading only" : "has no parent, or that is no GUID in braces"));
        }
        flush();
        SortedMap<Long, byte[]> sectors = new TreeMap<>();
        for (int i = 0; i < text.length; i++) {
            long at = parent.linkageAt() + i;
            byte[] sector = sectors.computeIfAbsent(at & -Log.SECTOR, place -> {
                byte[] bytes = new byte[Log.SECTOR];
                file().read(place, MemorySegment.ofArray(bytes));
                return bytes;
            });
            sector[(int) (at % Log.SECTOR)] = text[i];
        }
        headers.markTouched();
        write(file(), sectors);
        metadata = metadata.over(new ParentLocator(link, parent.name(), parent.linkageAt()));
    }

    @Override
    public void clear() {
        if (readOnly() || metadata.parent() == null) {
            throw new LifecycleException("Cannot empty the image " + file().name() + (readOnly()
                    ? ": it is open for reading only" : ": it has no parent"));
        }
        headers.markTouched();
        forgetAll();
    }

    @Override
    protected void finish(ImageFile file) {
        log.finish();
    }

    @Override
    public CheckReport check() {
        List<String> messages = new ArrayList<>();
        long[] places = places().clone();
        long corruptions = 0;
        Arrays.sort(places);
        long end = 0;
        for (long place : places) {
            if (place < 0) {
                continue;
            }
            boolean inTable = place < regions.batOffset() + regions.batLength()
                    && place + metadata.blockSize() > regions
                            .batOffset();
            if (place < end || inTable || place < Field.MEBIBYTE) {
                corruptions++;
                messages.add("ERROR a block is at " + place + ", where something else is, too");
            }
            end = place + metadata.blockSize();
        }
        return new CheckReport(corruptions, 0, 0, 0, 0, 0, 0, 0, 0, 0, List.copyOf(messages));
    }

    @Override
    public CheckReport repair(boolean all) {
        if (readOnly()) {
            throw new LifecycleException("The image " + file().name() + " is open for reading only");
        }
        flush();
        CheckReport report = check();
        // The log was replayed when the image was opened.
        return replayed ? new CheckReport(report.corruptions(), 0, 1, 0, 0, 0, 0, 0, 0, 0, report.messages()) : report;
    }
}
