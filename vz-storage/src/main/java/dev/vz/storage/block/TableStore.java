package dev.vz.storage.block;

import dev.vz.storage.block.TwoLevelMap.Layout;
import dev.vz.storage.file.ImageFile;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The tables of a {@link TwoLevelMap} that are in memory, and which parts of them the file does not have yet. Used under
 * that map's lock.
 */
final class TableStore {

    private static final int SECTOR = 512;

    private static final class Table {
        final byte[] bytes;
        int dirtyFrom = Integer.MAX_VALUE;
        int dirtyTo;

        Table(int size) {
            bytes = new byte[size];
        }

        boolean isDirty() {
            return dirtyTo > dirtyFrom;
        }
    }

    private final ImageFile file;
    private final Layout layout;
    private final @Nullable Table[] tables;
    private final int most;
    private int count;
    private int hand;
    private int dirty;

    TableStore(ImageFile file, Layout layout, int length) {
        this.file = file;
        this.layout = layout;
        this.tables = new Table[length];
        this.most = Math.clamp(layout.cacheBytes() / layout.tableBytes(), 1, Integer.MAX_VALUE);
    }

    byte @Nullable [] find(int index) {
        Table table = tables[index];
        return table == null ? null : table.bytes;
    }

    byte[] load(int index, long place) {
        var table = new Table(layout.tableBytes());
        file.read(place, MemorySegment.ofArray(table.bytes));
        keep(index, table);
        return table.bytes;
    }

    /** A table that is new at {@code place}, and all of which is to be written. */
    byte[] add(int index, long place) {
        var table = new Table(layout.tableBytes());
        file.writeZeroes(place, layout.tableBytes(), true);
        table.dirtyFrom = 0;
        table.dirtyTo = table.bytes.length;
        dirty++;
        keep(index, table);
        return table.bytes;
    }

    private void keep(int index, Table table) {
        // Tables that are written already go first in, first out; the others stay until a flush.
        for (int looked = 0; count - dirty > 0 && count >= most && looked < tables.length; looked++) {
            hand = hand + 1 == tables.length ? 0 : hand + 1;
            Table other = tables[hand];
            if (other != null && !other.isDirty()) {
                tables[hand] = null;
                count--;
                break;
            }
        }
        tables[index] = table;
        count++;
    }

    void changed(int index, int entry) {
        Table table = tables[index];
        if (table == null) {
            throw new IllegalStateException("Table " + index + " was changed, but is not in memory");
        }
        dirty += table.isDirty() ? 0 : 1;
        table.dirtyFrom = Math.min(table.dirtyFrom, entry * layout.entryBytes());
        table.dirtyTo = Math.max(table.dirtyTo, (entry + 1) * layout.entryBytes());
    }

    boolean isDirty() {
        return dirty > 0;
    }

    /** Writes what changed, in whole sectors, into the tables' places and those of their copies. */
    void write(long[] places, long @Nullable [] copies) {
        for (int index = 0; dirty > 0 && index < tables.length; index++) {
            Table table = tables[index];
            if (table == null || !table.isDirty()) {
                continue;
            }
            int from = table.dirtyFrom & -SECTOR;
            int to = Math.min(table.dirtyTo + SECTOR - 1 & -SECTOR, table.bytes.length);
            MemorySegment bytes = MemorySegment.ofArray(table.bytes);
            if (copies != null && copies[index] != TwoLevelMap.NO_TABLE) {
                file.write(copies[index] + from, bytes, from, to - from);
            }
            file.write(places[index] + from, bytes, from, to - from);
            table.dirtyFrom = Integer.MAX_VALUE;
            table.dirtyTo = 0;
            dirty--;
        }
    }
}
