package dev.vz.storage.block;

import dev.vz.error.CapabilityException;
import dev.vz.storage.file.ImageFile;
import dev.vz.storage.image.CorruptImageException;
import dev.vz.storage.image.Mapping;
import dev.vz.storage.image.WritePlan;
import java.util.Arrays;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Maps a disk, or a part of one, by a directory of tables of granules, each granule as a whole in the file or not at all.
 *
 * <p>
 * Granules and tables are added at the end of the file. A flush makes data durable before the tables that point to it,
 * and tables before the directory that points to them, so a crash leaves at worst storage that nothing points to.
 * Offsets are bytes from the start of what is mapped. Any thread may call.
 */
public final class TwoLevelMap {

    /** The place of a granule that is not in the file. */
    public static final long UNALLOCATED = -1;
    /** The place of a granule that is said to be zeros. */
    public static final long ZERO = -2;
    /** A directory entry without a table. */
    public static final long NO_TABLE = 0;

    private static final int MAX_GRANULES = 64;

    /** How a format writes its entries down. */
    public interface Codec {

        /** The place in the file that entry {@code index} of {@code table} states, {@link #UNALLOCATED} or {@link #ZERO}. */
        long place(byte[] table, int index);

        /** Puts a place there. */
        void putPlace(byte[] table, int index, long place);

        /** Whether {@link #ZERO} can be put. */
        boolean hasZero();

        /** Whether tables can be added; otherwise all are there from the start. */
        boolean addsTables();

        /** Writes directory entries {@code from} to {@code to}, which say where tables are now. */
        void writeDirectory(ImageFile file, long[] directory, int from, int to);
    }

    /**
     * Where things are.
     *
     * @param size       bytes that are mapped
     * @param granule    bytes of a granule, a power of two
     * @param entries    granules of one table
     * @param entryBytes bytes of one entry
     * @param dataOffset the least place that a granule can have
     * @param cacheBytes bytes of tables that are kept in memory; at least one table is
     */
    public record Layout(long size, int granule, int entries, int entryBytes, long dataOffset, long cacheBytes) {

        int tableBytes() {
            return entries * entryBytes;
        }
    }

    private final ImageFile file;
    private final Layout layout;
    private final Codec codec;
    private final long[] directory;
    /** A second set of tables that says the same; {@code null} if there is none. */
    private final long @Nullable [] copies;
    private final TableStore tables;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition settled = lock.newCondition();
    private final ReentrantLock flushing = new ReentrantLock();
    private @Nullable WritePlan[] open = new WritePlan[8];
    private int openCount;
    private int directoryFrom = Integer.MAX_VALUE;
    private int directoryTo;
    private long end;
    private volatile long size;
    private volatile boolean backed;

    /** Takes over the directories; {@code end} is where storage may be added. */
    public TwoLevelMap(ImageFile file, Layout layout, Codec codec, long[] directory, long @Nullable [] copies,
            long end) {
        this.file = file;
        this.layout = layout;
        this.codec = codec;
        this.directory = directory;
        this.copies = copies;
        this.tables = new TableStore(file, layout, directory.length);
        this.size = layout.size();
        this.end = end + layout.granule() - 1 & -layout.granule();
    }

    /** Says whether something shows through where nothing is allocated. */
    public void backed(boolean backed) {
        this.backed = backed;
    }

    /** Bytes that are mapped. */
    public long size() {
        return size;
    }

    /** Maps more or fewer bytes; the directory is long enough already. */
    public void resize(long size) {
        this.size = size;
    }

    private byte @Nullable [] table(int index) {
        byte[] known = tables.find(index);
        if (known != null || directory[index] == NO_TABLE) {
            return known;
        }
        if (directory[index] < 0 || directory[index] > file.size() - layout.entryBytes()) {
            throw new CorruptImageException(
                    "Table " + index + " of " + file.name() + " is said to be at " + directory[index]
                            + ", past the end of the file of " + file.size() + " bytes");
        }
        return tables.load(index, directory[index]);
    }

    private long place(byte @Nullable [] table, int entry) {
        if (table == null) {
            return UNALLOCATED;
        }
        long place = codec.place(table, entry);
        if (place >= 0 && (place < layout.dataOffset() || place >= file.size())) {
            throw new CorruptImageException("A granule of " + file.name() + " is said to be at " + place
                    + ", which is not within the data from " + layout.dataOffset() + " to " + file.size());
        }
        return place;
    }

    private int tableOf(long offset) {
        return (int) (offset / layout.granule() / layout.entries());
    }

    private int entryOf(long offset) {
        return (int) (offset / layout.granule() % layout.entries());
    }

    /** Tells where the bytes from {@code offset} on are, as {@link dev.vz.storage.image.ImageDriver#locate} does. */
    public void locate(long offset, long length, Mapping mapping) {
        lock.lock();
        try {
            byte[] table = table(tableOf(offset));
            int entry = entryOf(offset);
            long place = place(table, entry);
            long in = offset % layout.granule();
            long run = run(table, entry, place, in, length);
            if (place == UNALLOCATED) {
                mapping.unallocated(run);
            } else if (place == ZERO) {
                mapping.zero(null, 0, run);
            } else {
                mapping.data(file, place + in, run);
            }
        } finally {
            lock.unlock();
        }
    }

    /** How far granules of one table go on as the first one, which is at {@code place}. */
    private long run(byte @Nullable [] table, int entry, long place, long in, long length) {
        long run = layout.granule() - in;
        for (int next = entry + 1; run < length && next < layout.entries(); next++) {
            long expected = place < 0 ? place : place + (long) (next - entry) * layout.granule();
            if (table != null && place(table, next) != expected) {
                return run;
            }
            run += layout.granule();
        }
        return Math.min(run, length);
    }

    /** As {@link dev.vz.storage.image.ImageDriver#prepareWrite}, for a plan whose offsets count from the start of this map. */
    public void prepareWrite(long offset, long length, WritePlan plan) {
        lock.lock();
        try {
            while (isOpen(offset / layout.granule())) {
                settled.awaitUninterruptibly();
            }
            int index = tableOf(offset);
            byte[] table = table(index);
            if (table == null) {
                table = addTable(index);
            }
            int entry = entryOf(offset);
            long place = place(table, entry);
            long in = offset % layout.granule();
            if (place >= 0) {
                plan.inPlace(file, offset, place + in, run(table, entry, place, in, length));
                return;
            }
            allocate(offset, length, table, entry, plan);
        } finally {
            lock.unlock();
        }
    }

    private void allocate(long offset, long length, byte[] table, int entry, WritePlan plan) {
        long in = offset % layout.granule();
        int count = 1;
        while (count < MAX_GRANULES && (long) count * layout.granule() < in + length && entry + count < layout.entries()
                && place(table, entry + count) < 0 && !isOpen(offset / layout.granule() + count)) {
            count++;
        }
        long place = end;
        long bytes = (long) count * layout.granule();
        end += bytes;
        long start = offset - in;
        long covered = Math.min(length, bytes - in);
        if (in + covered < bytes) {
            file.writeZeroes(place, bytes, true);
        }
        plan.allocating(file, offset, place + in, covered, start, Math.min(start + bytes, size), true);
        plan.driverStart = offset / layout.granule();
        plan.driverEnd = plan.driverStart + count;
        plan.driverTarget = place;
        if (openCount == open.length) {
            open = Arrays.copyOf(open, openCount * 2);
        }
        open[openCount++] = plan;
    }

    private byte[] addTable(int index) {
        if (!codec.addsTables()) {
            throw new CapabilityException("Cannot write to " + file.name() + " in the part that table " + index
                    + " would map: the image has no such table; convert it into a new image");
        }
        long place = end;
        end = place + layout.tableBytes() + layout.granule() - 1 & -layout.granule();
        byte[] table = tables.add(index, place);
        directory[index] = place;
        directoryFrom = Math.min(directoryFrom, index);
        directoryTo = Math.max(directoryTo, index + 1);
        return table;
    }

    private boolean isOpen(long granule) {
        for (int i = 0; i < openCount; i++) {
            WritePlan plan = open[i];
            if (plan != null && plan.driverStart <= granule && granule < plan.driverEnd) {
                return true;
            }
        }
        return false;
    }

    /** As {@link dev.vz.storage.image.ImageDriver#commitWrite}. */
    public void commitWrite(WritePlan plan) {
        lock.lock();
        try {
            for (long granule = plan.driverStart; granule < plan.driverEnd; granule++) {
                put(granule, plan.driverTarget + (granule - plan.driverStart) * layout.granule());
            }
        } finally {
            leave(plan);
            lock.unlock();
        }
    }

    private void put(long granule, long place) {
        int index = (int) (granule / layout.entries());
        int entry = (int) (granule % layout.entries());
        byte[] table = table(index);
        if (table == null) {
            table = addTable(index);
        }
        codec.putPlace(table, entry, place);
        tables.changed(index, entry);
    }

    /** As {@link dev.vz.storage.image.ImageDriver#abortWrite}; the storage is lost until a repair. */
    public void abortWrite(WritePlan plan) {
        lock.lock();
        try {
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

    /** As {@link dev.vz.storage.image.ImageDriver#zero}: only of what has no storage. */
    public long zero(long offset, long length) {
        lock.lock();
        try {
            long in = offset % layout.granule();
            if (isOpen(offset / layout.granule())) {
                return 0;
            }
            long place = place(table(tableOf(offset)), entryOf(offset));
            if (place == ZERO || place == UNALLOCATED && !backed) {
                return Math.min(length, layout.granule() - in);
            }
            boolean whole = in == 0 && (length >= layout.granule() || offset + length >= size);
            if (place >= 0 || !codec.hasZero() || !whole) {
                return 0;
            }
            put(offset / layout.granule(), ZERO);
            return Math.min(length, layout.granule());
        } finally {
            lock.unlock();
        }
    }

    /** Makes a compressed granule of {@code bytes} bytes in the file, packed behind the last; the place to write it to. */
    public long append(long bytes) {
        lock.lock();
        try {
            long place = end;
            end = place + bytes + 511 & -512;
            return place;
        } finally {
            lock.unlock();
        }
    }

    /** What was appended is written: the granule at {@code offset} is there. */
    public void link(long offset, long place) {
        lock.lock();
        try {
            put(offset / layout.granule(), place);
        } finally {
            lock.unlock();
        }
    }

    /** Makes everything that was committed durable. */
    public void flush() {
        flushing.lock();
        try {
            file.flush();
            lock.lock();
            try {
                if (!tables.isDirty() && directoryTo <= directoryFrom) {
                    return;
                }
                // Granules may have been linked since, whose data is not durable yet.
                file.flush();
                tables.write(directory, copies);
                if (directoryTo > directoryFrom) {
                    file.flush();
                    codec.writeDirectory(file, directory, directoryFrom, directoryTo);
                    directoryFrom = Integer.MAX_VALUE;
                    directoryTo = 0;
                }
            } finally {
                lock.unlock();
            }
            file.flush();
        } finally {
            flushing.unlock();
        }
    }

    /** Told of each granule that a table says something about. */
    public interface Visitor {
        /** Granule {@code index} is at {@code place}, unchecked, or {@link #ZERO}. */
        void granule(long index, long place);
    }

    /** Goes through all tables whose place is plausible; nothing else may be in flight. */
    public void forEach(Visitor visitor) {
        lock.lock();
        try {
            for (int index = 0; index < directory.length; index++) {
                if (directory[index] < 0 || directory[index] > file.size() - layout.entryBytes()) {
                    continue;
                }
                byte[] table = table(index);
                for (int entry = 0; table != null && entry < layout.entries(); entry++) {
                    long place = codec.place(table, entry);
                    if (place != UNALLOCATED) {
                        visitor.granule((long) index * layout.entries() + entry, place);
                    }
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Forgets where the granule at index {@code granule} is: a repair. */
    public void unlink(long granule) {
        lock.lock();
        try {
            put(granule, UNALLOCATED);
        } finally {
            lock.unlock();
        }
    }

    /** Where storage would be added. */
    public long end() {
        lock.lock();
        try {
            return end;
        } finally {
            lock.unlock();
        }
    }
}
