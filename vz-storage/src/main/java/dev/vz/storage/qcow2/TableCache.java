package dev.vz.storage.qcow2;

import dev.vz.storage.file.ImageFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Slices of tables (L2 tables, refcount blocks) in memory, set-associative. Changed slices stay until they are written,
 * together with everything that must be written before them: a slice never reaches the file on its own account.
 *
 * <p>
 * Used under the driver's metadata lock. A slot stays valid until the next call of {@link #slot}.
 */
final class TableCache {

    private static final int WAYS = 8;
    private static final int SECTOR = 512;

    private final ImageFile file;
    private final int sliceSize;
    private final int sets;
    private final Runnable writeBack;
    private final long[] offsets;
    private final @Nullable MemorySegment[] slices;
    private final boolean[] recent;
    private final int[] dirtyFrom;
    private final int[] dirtyTo;
    private int dirtyCount;
    private int hand;

    /** {@code writeBack} writes all changed slices of this and every other cache, in order. */
    TableCache(ImageFile file, int sliceSize, long cacheBytes, Runnable writeBack) {
        this.file = file;
        this.sliceSize = sliceSize;
        this.writeBack = writeBack;
        long wanted = Math.clamp(cacheBytes / sliceSize / WAYS, 1, 1024);
        this.sets = Integer.highestOneBit((int) wanted);
        int slots = sets * WAYS;
        this.offsets = new long[slots];
        Arrays.fill(offsets, -1);
        this.slices = new MemorySegment[slots];
        this.recent = new boolean[slots];
        this.dirtyFrom = new int[slots];
        this.dirtyTo = new int[slots];
    }

    int sliceSize() {
        return sliceSize;
    }

    /** The slot that holds the slice at {@code offset} of the file, read if need be. */
    int slot(long offset) {
        int first = firstSlot(offset);
        for (int slot = first; slot < first + WAYS; slot++) {
            if (offsets[slot] == offset) {
                recent[slot] = true;
                return slot;
            }
        }
        return load(first, offset);
    }

    /** Whether the slice at {@code offset} is in memory. */
    boolean holds(long offset) {
        int first = firstSlot(offset);
        for (int slot = first; slot < first + WAYS; slot++) {
            if (offsets[slot] == offset) {
                return true;
            }
        }
        return false;
    }

    private int firstSlot(long offset) {
        long number = offset / sliceSize;
        return (int) ((number ^ number >>> 17) & sets - 1) * WAYS;
    }

    private int load(int first, long offset) {
        int slot = victim(first);
        MemorySegment slice = slices[slot];
        if (slice == null) {
            slice = Arena.ofAuto().allocate(sliceSize);
            slices[slot] = slice;
        }
        offsets[slot] = -1; // a failed read leaves nothing that looks like the table
        file.read(offset, slice, 0, sliceSize);
        offsets[slot] = offset;
        recent[slot] = true;
        return slot;
    }

    private int victim(int first) {
        for (int step = 0; step < 2 * WAYS; step++) {
            int slot = first + (hand++ & WAYS - 1);
            if (offsets[slot] == -1) {
                return slot;
            }
            if (dirtyTo[slot] == 0) {
                if (!recent[slot]) {
                    return slot;
                }
                recent[slot] = false;
            }
        }
        writeBack.run();
        return first + (hand++ & WAYS - 1);
    }

    MemorySegment slice(int slot) {
        MemorySegment slice = slices[slot];
        if (slice == null) {
            throw new IllegalStateException("slot " + slot + " was never loaded");
        }
        return slice;
    }

    /** {@code [from, to)} of the slice was changed. */
    void changed(int slot, int from, int to) {
        if (dirtyTo[slot] == 0) {
            dirtyFrom[slot] = from;
            dirtyTo[slot] = to;
            dirtyCount++;
        } else {
            dirtyFrom[slot] = Math.min(dirtyFrom[slot], from);
            dirtyTo[slot] = Math.max(dirtyTo[slot], to);
        }
    }

    boolean isDirty() {
        return dirtyCount > 0;
    }

    /** Writes what was changed, in whole sectors. */
    void write() {
        for (int slot = 0; slot < offsets.length && dirtyCount > 0; slot++) {
            if (dirtyTo[slot] != 0) {
                int from = dirtyFrom[slot] & -SECTOR;
                int to = dirtyTo[slot] + SECTOR - 1 & -SECTOR;
                file.write(offsets[slot] + from, slice(slot), from, to - from);
                dirtyTo[slot] = 0;
                dirtyCount--;
            }
        }
    }

    /** The file's range is no table any more: forgets it, changes included. */
    void forget(long from, long length) {
        for (int slot = 0; slot < offsets.length; slot++) {
            if (offsets[slot] >= from && offsets[slot] < from + length) {
                offsets[slot] = -1;
                if (dirtyTo[slot] != 0) {
                    dirtyTo[slot] = 0;
                    dirtyCount--;
                }
            }
        }
    }
}
