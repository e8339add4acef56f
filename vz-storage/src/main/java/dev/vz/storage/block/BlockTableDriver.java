package dev.vz.storage.block;

import dev.vz.error.CapabilityException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.ImageDriver;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.SortedMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/**
 * An image that maps its disk by one table of blocks of equal size, each as a whole in the file or not at all.
 *
 * <p>
 * Blocks are added at the end of the file. A flush makes data durable before the table that points to it, so a crash
 * leaves at worst blocks that nothing points to.
 */
public abstract class BlockTableDriver implements ImageDriver {

    /** The entry of a block that is not in the file. */
    protected static final long UNALLOCATED = -1;
    /** The entry of a block that is not in the file either, and reads as zeros whatever is below. */
    protected static final long ZEROS = -2;
    private static final int SECTOR = 512;

    private final ImageFile file;
    private final boolean readOnly;
    private final StampedLock use = new StampedLock();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition settled = lock.newCondition();
    private final ReentrantLock flushing = new ReentrantLock();
    private final Layout layout;
    /** Where each block's data is in the file, or {@link #UNALLOCATED}. */
    private final long[] table;
    private @Nullable WritePlan[] open = new WritePlan[8];
    private int openCount;
    /** Blocks that were taken for data that then could not be written. */
    private final ArrayDeque<Long> abandoned = new ArrayDeque<>();
    private int dirtyFrom = Integer.MAX_VALUE;
    private int dirtyTo;
    private long end;
    /** Whether an entry names a place outside of the file, where a new block could come to be. */
    private boolean damaged;
    /** Whether what is not in the file is another image's. */
    private volatile boolean backed;
    private boolean closed;
    /** Which sectors of the blocks are in the file; {@code null} if all are. */
    private final @Nullable SectorBitmaps bitmaps;

    /**
     * Where things are.
     *
     * @param size        bytes of the disk
     * @param blockSize   bytes of a block, a power of two
     * @param prefix      bytes in front of each block's data
     * @param tableOffset where the table is in the file
     * @param entrySize   bytes of an entry
     * @param dataOffset  where blocks may start
     */
    public record Layout(long size, int blockSize, int prefix, long tableOffset, int entrySize, long dataOffset) {}

    /** Takes over {@code file} and {@code table}. Blocks are there as a whole or not at all. */
    protected BlockTableDriver(ImageFile file, boolean readOnly, Layout layout, long[] table) {
        this(file, readOnly, layout, table, null);
    }

    /** The same, with {@code bitmaps} of what is there of the blocks. */
    protected BlockTableDriver(ImageFile file, boolean readOnly, Layout layout, long[] table,
            @Nullable SectorBitmaps bitmaps) {
        this.bitmaps = bitmaps;
        this.file = file;
        this.readOnly = readOnly || file.readOnly();
        this.layout = layout;
        this.table = table;
        long last = layout.dataOffset();
        long length = file.size();
        for (long at : table) {
            if (at >= layout.dataOffset() && at < length) {
                last = Math.max(last, at + layout.blockSize());
            } else if (at != UNALLOCATED && at != ZEROS) {
                damaged = true;
            }
        }
        this.end = last;
    }

    /** Puts the entry for a block whose data is at {@code fileOffset}, or {@link #UNALLOCATED}, at {@code at}. */
    protected abstract void putEntry(MemorySegment bytes, long at, long fileOffset);

    /** The disk is about to be changed. */
    protected void beforeWrite() {}

    /** A block starts at {@code fileOffset}: writes what comes before its data. */
    protected void startBlock(ImageFile file, long fileOffset) {}

    /** Some sectors came to be there: writes the bitmaps of their blocks, whose data is durable. */
    protected void writeBitmaps(ImageFile file, long[] table, SortedMap<Integer, byte[]> changed) {}

    /** The table is about to be written: writes and makes durable what must not lag behind it. */
    protected void beforeTable(ImageFile file, long end) {}

    /** The table changed: writes what else says so. {@code end} is where the next block would start. */
    protected void tableWritten(ImageFile file, long end) {}

    /** The image is closed in good order. */
    protected void finish(ImageFile file) {}

    @Override
    public final ImageFile file() {
        return file;
    }

    @Override
    public final long size() {
        return layout.size();
    }

    @Override
    public final int granule() {
        return layout.blockSize();
    }

    @Override
    public final boolean readOnly() {
        return readOnly;
    }

    @Override
    public final StampedLock use() {
        return use;
    }

    @Override
    public final void backed(boolean backed) {
        this.backed = backed;
    }

    private long place(int block) {
        long at = table[block];
        if (at != UNALLOCATED && at != ZEROS && (at < layout.dataOffset() || at > file.size() - 1)) {
            throw new CorruptImageException("Block " + block + " of " + file.name() + " is said to be at " + at
                    + ", which is not within the data from " + layout.dataOffset() + " to " + file.size());
        }
        return at;
    }

    @Override
    public final void locate(long offset, long length, Mapping mapping) {
        lock.lock();
        try {
            int block = (int) (offset / layout.blockSize());
            long at = place(block);
            long in = offset % layout.blockSize();
            SectorBitmaps parts = bitmaps;
            if (parts != null && at >= 0 && !parts.isFull(block, at)) {
                long until = parts.sameUntil(block, at, in, Math.min(layout.blockSize(), in + length));
                if (parts.has(block, at, in)) {
                    mapping.data(file, at + in, until - in);
                } else {
                    mapping.unallocated(until - in);
                }
                return;
            }
            long run = run(offset, length, at);
            if (at == UNALLOCATED) {
                mapping.unallocated(run);
            } else if (at == ZEROS) {
                mapping.zero(null, 0, run);
            } else {
                mapping.data(file, at + in, run);
            }
        } finally {
            lock.unlock();
        }
    }

    /** How far blocks go on as the first one, which is at {@code at}. */
    private long run(long offset, long length, long at) {
        long run = layout.blockSize() - offset % layout.blockSize();
        long expected = at;
        while (run < length) {
            int block = (int) ((offset + run) / layout.blockSize());
            long next = place(block);
            expected = at < 0 ? at : expected + layout.blockSize();
            if (next != expected || next >= 0 && bitmaps != null && !bitmaps.isFull(block, next)) {
                return run;
            }
            run += layout.blockSize();
        }
        return length;
    }

    @Override
    public final void prepareWrite(long offset, long length, WritePlan plan) {
        beforeWrite();
        lock.lock();
        try {
            int block = (int) (offset / layout.blockSize());
            while (isOpen(block)) {
                settled.awaitUninterruptibly();
            }
            long in = offset % layout.blockSize();
            long at = place(block);
            if (at >= 0) {
                prepareWithin(block, at, offset, Math.min(length, layout.blockSize() - in), plan);
                return;
            }
            if (damaged) {
                throw new CorruptImageException("Not adding a block to " + file.name()
                        + ", whose table names places outside of the file; repair it first");
            }
            Long again = abandoned.poll();
            long data = again == null ? end + layout.prefix() : again;
            startBlock(file, data - layout.prefix());
            file.writeZeroes(data, layout.blockSize(), true);
            long start = offset - in;
            long covered = Math.min(length, layout.blockSize() - in);
            long stop = start + layout.blockSize();
            if (bitmaps != null && at == UNALLOCATED) {
                // Of the other sectors, the bitmap says that they are not there.
                start = bitmaps.sectorStart(offset);
                stop = bitmaps.sectorEnd(offset + covered);
            }
            plan.allocating(file, offset, data + in, covered, start, Math.min(stop, layout.size()), true);
            plan.driverReuse = false;
            end = Math.max(end, data + layout.blockSize());
            enter(block, data, plan);
        } finally {
            lock.unlock();
        }
    }

    /** A write to a block that is in the file, if not all of its sectors are. */
    private void prepareWithin(int block, long at, long offset, long length, WritePlan plan) {
        long in = offset % layout.blockSize();
        SectorBitmaps parts = bitmaps;
        long until = parts == null ? in + length : parts.sameUntil(block, at, in, in + length);
        if (parts == null || parts.has(block, at, in)) {
            plan.inPlace(file, offset, at + in, until - in);
            return;
        }
        long start = parts.sectorStart(offset);
        long stop = parts.sectorEnd(offset + until - in);
        // What was there before it was said to be there may be anything.
        plan.allocating(file, offset, at + in, until - in, start, Math.min(stop, layout.size()), false);
        plan.driverReuse = true;
        enter(block, at, plan);
    }

    private void enter(int block, long data, WritePlan plan) {
        plan.driverStart = block;
        plan.driverTarget = data;
        if (openCount == open.length) {
            open = Arrays.copyOf(open, openCount * 2);
        }
        open[openCount++] = plan;
    }

    private boolean isOpen(int block) {
        for (int i = 0; i < openCount; i++) {
            WritePlan plan = open[i];
            if (plan != null && plan.driverStart == block) {
                return true;
            }
        }
        return false;
    }

    @Override
    public final void commitWrite(WritePlan plan) {
        lock.lock();
        try {
            int block = (int) plan.driverStart;
            SectorBitmaps parts = bitmaps;
            if (parts != null) {
                long from = plan.fillStart() % layout.blockSize();
                parts.add(block, plan.driverTarget, from, from + plan.fillEnd() - plan.fillStart(),
                        !plan.driverReuse);
            }
            if (!plan.driverReuse) {
                table[block] = plan.driverTarget;
            }
            // A block that became whole may have another state.
            dirtyFrom = Math.min(dirtyFrom, block);
            dirtyTo = Math.max(dirtyTo, block + 1);
            leave(plan);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public final void abortWrite(WritePlan plan) {
        lock.lock();
        try {
            if (!plan.driverReuse) {
                abandoned.add(plan.driverTarget);
            }
            leave(plan);
        } finally {
            lock.unlock();
        }
    }

    private void leave(WritePlan plan) {
        for (int i = 0; i < openCount; i++) {
            if (open[i] == plan) {
                open[i] = open[--openCount];
                open[openCount] = null;
                break;
            }
        }
        settled.signalAll();
    }

    /** Only what is not in the file is zeros without being written. */
    @Override
    public final long zero(long offset, long length, boolean mayUnmap) {
        lock.lock();
        try {
            int block = (int) (offset / layout.blockSize());
            long at = isOpen(block) ? 0 : place(block);
            return at >= 0 || at == UNALLOCATED && backed ? 0
                    : Math.min(length, layout.blockSize() - offset % layout.blockSize());
        } finally {
            lock.unlock();
        }
    }

    @Override
    public final int zeroGranularity() {
        return 0;
    }

    @Override
    public final void discard(long offset, long length) {
        // Blocks once allocated stay: giving them back would move others.
    }

    @Override
    public final void flush() {
        flushing.lock();
        try {
            file.flush();
            lock.lock();
            try {
                if (dirtyTo <= dirtyFrom) {
                    return;
                }
                // Blocks may have been linked since, whose data is not durable yet.
                file.flush();
                beforeTable(file, end);
                if (bitmaps != null && bitmaps.isChanged()) {
                    writeBitmaps(file, table, bitmaps.takeChanged());
                }
                writeTable();
                tableWritten(file, end);
            } finally {
                lock.unlock();
            }
            file.flush();
        } finally {
            flushing.unlock();
        }
    }

    private void writeTable() {
        writeEntries(file, table, dirtyFrom, dirtyTo);
        dirtyFrom = Integer.MAX_VALUE;
        dirtyTo = 0;
    }

    /** Writes entries {@code dirtyFrom} to {@code dirtyTo}, at least; everything that they point to is durable. */
    protected void writeEntries(ImageFile file, long[] table, int dirtyFrom, int dirtyTo) {
        int perSector = SECTOR / layout.entrySize();
        long firstByte = layout.tableOffset() + (long) dirtyFrom * layout.entrySize();
        int from = dirtyFrom - (int) (firstByte % SECTOR / layout.entrySize());
        from = Math.max(from, 0);
        int to = Math.min(dirtyTo + perSector, table.length);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((long) (to - from) * layout.entrySize());
            for (int i = from; i < to; i++) {
                putEntry(bytes, (long) (i - from) * layout.entrySize(), table[i]);
            }
            file.write(layout.tableOffset() + (long) from * layout.entrySize(), bytes);
        }
    }

    /** Whether all sectors of {@code block}, which is in the file, are there. For writing the table. */
    protected final boolean isWhole(int block) {
        return bitmaps == null || bitmaps.isFull(block, table[block]);
    }

    /** Takes {@code length} bytes at the end of the file for something that is no block. For writing the table. */
    protected final long takeSpace(long length) {
        long at = end;
        end += length;
        file.writeZeroes(at, length, true);
        return at;
    }

    /** Forgets all blocks, so that everything is the image's below, and gives their storage back. */
    protected final void forgetAll() {
        long stamp = use.writeLock();
        try {
            flush();
            long[] before = table.clone();
            lock.lock();
            try {
                Arrays.fill(table, UNALLOCATED);
                dirtyFrom = 0;
                dirtyTo = table.length;
                abandoned.clear();
                damaged = false;
                if (bitmaps != null) {
                    bitmaps.clear();
                }
            } finally {
                lock.unlock();
            }
            flush();
            // Nothing durable points there any more.
            for (long at : before) {
                if (at >= layout.dataOffset() && at < file.size()) {
                    file.discard(at, Math.min(layout.blockSize(), file.size() - at));
                }
            }
        } finally {
            use.unlockWrite(stamp);
        }
    }

    /** Blocks are added from {@code end} on, which is behind everything that is in the file. */
    protected final void addFrom(long end) {
        this.end = end;
    }

    /** Looks at the table as it is now. The caller holds {@link #use()} for writing, so that nothing is in flight. */
    protected final BlockCheck checkBlocks() {
        lock.lock();
        try {
            return BlockCheck.of(table, layout, file.size());
        } finally {
            lock.unlock();
        }
    }

    /** Forgets the blocks that {@code found} to be wrong, durably. Under the same condition. */
    protected final void forgetBlocks(BlockCheck found) {
        lock.lock();
        try {
            for (int block : found.wrong()) {
                table[block] = UNALLOCATED;
                dirtyFrom = Math.min(dirtyFrom, block);
                dirtyTo = Math.max(dirtyTo, block + 1);
            }
            end = Math.max(found.end(), layout.dataOffset());
            abandoned.clear();
            damaged = false;
        } finally {
            lock.unlock();
        }
        flush();
    }

    /** Where each block is: for checks, with nothing in flight. Not to be changed. */
    protected final long[] places() {
        return table;
    }

    @Override
    public final void resize(long size) {
        throw new CapabilityException("Disks in " + format() + " images keep their size; convert " + file.name()
                + " into a larger image instead");
    }

    @Override
    public final void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (!readOnly) {
                flush();
                finish(file);
            }
        } finally {
            file.close();
        }
    }
}
