package dev.vz.net.gateway;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Segments that arrived before what goes before them: a few of them in borrowed memory, so that one that was lost does not
 * cost those behind it.
 */
final class OutOfOrder {

    private static final int SEGMENTS = 16;

    private final StagingPool pool;
    private MemorySegment @Nullable [] pieces;
    private final int[] sequences = new int[SEGMENTS];
    private final int[] lengths = new int[SEGMENTS];
    private int count;

    OutOfOrder(StagingPool pool) {
        this.pool = pool;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Keeps a segment if there is room, and it is not here already. */
    void add(MemorySegment segment, long at, int length, int sequence) {
        if (count == SEGMENTS || length <= 0 || length > StagingPool.PIECE) {
            return;
        }
        for (int i = 0; i < count; i++) {
            if (sequences[i] == sequence && lengths[i] >= length) {
                return;
            }
        }
        MemorySegment piece = pool.borrow();
        if (piece == null) {
            return;
        }
        MemorySegment[] kept = pieces;
        if (kept == null) {
            kept = new MemorySegment[SEGMENTS];
            pieces = kept;
        }
        MemorySegment.copy(segment, at, piece, 0, length);
        kept[count] = piece;
        sequences[count] = sequence;
        lengths[count] = length;
        count++;
    }

    /** Which segment starts at or before {@code next}; -1 if none does. */
    int find(int next) {
        for (int i = 0; i < count; i++) {
            if (sequences[i] - next <= 0) {
                return i;
            }
        }
        return -1;
    }

    int sequence(int index) {
        return sequences[index];
    }

    int length(int index) {
        return lengths[index];
    }

    MemorySegment piece(int index) {
        MemorySegment[] kept = pieces;
        if (kept == null || index >= count) {
            throw new IndexOutOfBoundsException(index);
        }
        return kept[index];
    }

    /** Gives one back; the last takes its place. */
    void remove(int index) {
        pool.giveBack(piece(index));
        count--;
        if (pieces != null) {
            pieces[index] = pieces[count];
        }
        sequences[index] = sequences[count];
        lengths[index] = lengths[count];
    }

    void clear() {
        while (count > 0) {
            remove(count - 1);
        }
    }
}
