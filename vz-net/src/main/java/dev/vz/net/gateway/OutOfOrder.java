package dev.vz.net.gateway;

import dev.vz.net.packet.Wire;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What arrived before what goes before it, in borrowed memory, so that a segment that was lost does not cost those behind it:
 * a few ranges of sequence numbers, of which the guest hears by selective acknowledgments (RFC 2018).
 */
final class OutOfOrder {

    /** Bytes of the longest option: two of padding, kind, length, and four blocks. */
    static final int LONGEST_OPTION = 36;

    private static final int RANGES = 16;
    private static final int BLOCKS = 4;
    private static final int BLOCK = 8;
    /** NOP, NOP, kind 5, and a length to be added. */
    private static final int OPTION = 0x0101_0500;

    private final StagingPool pool;
    private MemorySegment @Nullable [] pieces;
    private final int[] sequences = new int[RANGES];
    private final int[] lengths = new int[RANGES];
    private int count;
    private int latest;

    OutOfOrder(StagingPool pool) {
        this.pool = pool;
    }

    boolean isEmpty() {
        return count == 0;
    }

    /** Keeps as much of a segment as there is room for and is not here already. */
    void add(MemorySegment segment, long at, int length, int sequence) {
        int from = sequence;
        int end = sequence + length;
        for (int i = 0; i < count && end - from > 0; i++) {
            // A range that reaches up to the segment or into it: what follows joins it, as far as its piece goes.
            int rangeEnd = sequences[i] + lengths[i];
            if (sequences[i] - from <= 0 && rangeEnd - from >= 0) {
                int fresh = Math.clamp(end - rangeEnd, 0, StagingPool.PIECE - lengths[i]);
                if (fresh > 0) {
                    MemorySegment.copy(segment, at + (rangeEnd - sequence), piece(i), lengths[i], fresh);
                    lengths[i] += fresh;
                }
                from = rangeEnd + fresh;
            }
        }
        latest = sequence;
        if (end - from > 0) {
            begin(segment, at + (from - sequence), Math.min(end - from, StagingPool.PIECE), from);
        }
    }

    private void begin(MemorySegment segment, long at, int length, int sequence) {
        MemorySegment piece = count == RANGES ? null : pool.borrow();
        if (piece == null) {
            return;
        }
        MemorySegment[] kept = pieces;
        if (kept == null) {
            kept = new MemorySegment[RANGES];
            pieces = kept;
        }
        MemorySegment.copy(segment, at, piece, 0, length);
        kept[count] = piece;
        sequences[count] = sequence;
        lengths[count] = length;
        count++;
    }

    /**
     * Writes the option that names what is here, the range with the segment added last first (RFC 2018, 4).
     *
     * @return its length with padding, a multiple of four; 0 if nothing is here
     */
    int writeOption(MemorySegment target, long at) {
        int blocks = 0;
        for (int i = -1; i < count && blocks < BLOCKS; i++) {
            int within = i < 0 ? latest : sequences[i];
            int range = containing(within);
            if (range < 0) {
                continue; // there was no room for the last
            }
            int start = sequences[range];
            for (int before = endingAt(start); before >= 0; before = endingAt(start)) {
                start = sequences[before];
            }
            int end = start;
            for (int next = containing(end); next >= 0; next = containing(end)) {
                end = sequences[next] + lengths[next];
            }
            if (!isNamed(target, at, blocks, start)) {
                Wire.put32(target, at + 4 + (long) blocks * BLOCK, start);
                Wire.put32(target, at + 8 + (long) blocks * BLOCK, end);
                blocks++;
            }
        }
        if (blocks == 0) {
            return 0;
        }
        Wire.put32(target, at, OPTION | 2 + blocks * BLOCK);
        return 4 + blocks * BLOCK;
    }

    private static boolean isNamed(MemorySegment target, long at, int blocks, int start) {
        for (int i = 0; i < blocks; i++) {
            if (Wire.i32(target, at + 4 + (long) i * BLOCK) == start) {
                return true;
            }
        }
        return false;
    }

    private int containing(int sequence) {
        for (int i = 0; i < count; i++) {
            int into = sequence - sequences[i];
            if (into >= 0 && into < lengths[i]) {
                return i;
            }
        }
        return -1;
    }

    /** A range that begins before {@code start} and reaches it; -1 if none does. */
    private int endingAt(int start) {
        for (int i = 0; i < count; i++) {
            if (sequences[i] - start < 0 && sequences[i] + lengths[i] - start >= 0) {
                return i;
            }
        }
        return -1;
    }

    /** Which range starts at or before {@code next}; -1 if none does. */
    int find(int next) {
        for (int i = 0; i < count; i++) {
            if (sequences[i] - next <= 0) {
                return i;
            }
        }
        return -1;
    }

    int count() {
        return count;
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
