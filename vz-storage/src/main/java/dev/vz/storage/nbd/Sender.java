package dev.vz.storage.nbd;

import dev.vz.linux.Errno;
import dev.vz.linux.file.IoVectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Pieces of memory waiting to be sent, in order, many with one call. Of one thread. Grows to what was once needed and
 * allocates nothing from then on.
 */
final class Sender {

    /** Told when all pieces up to its own are sent, or will never be. */
    @FunctionalInterface
    interface Owner {
        /** The memory is the owner's again. */
        void released();
    }

    private static final int AT_ONCE = 256;

    private final IoVectors vectors = new IoVectors(AT_ONCE);
    private final @Nullable Owner[] inVectors = new Owner[AT_ONCE];
    private int vectorOwners;
    private @Nullable MemorySegment[] pieces = new MemorySegment[64];
    private long[] offsets = new long[64];
    private int[] lengths = new int[64];
    private @Nullable Owner[] owners = new Owner[64];
    private int head;
    private int count;

    /** Whether nothing waits. */
    boolean isEmpty() {
        return count == 0 && vectors.count() == 0;
    }

    /** Appends the first {@code length} bytes of {@code piece}; {@code owner} is released after them. */
    void add(MemorySegment piece, int length, @Nullable Owner owner) {
        add(piece, 0, length, owner);
    }

    /** Appends {@code length} bytes of {@code piece} from {@code offset} on; {@code owner} is released after them. */
    void add(MemorySegment piece, long offset, int length, @Nullable Owner owner) {
        if (count == pieces.length) {
            grow();
        }
        int tail = (head + count++) & (pieces.length - 1);
        pieces[tail] = piece;
        offsets[tail] = offset;
        lengths[tail] = length;
        owners[tail] = owner;
    }

    private void grow() {
        int size = pieces.length;
        pieces = rotated(pieces, new MemorySegment[size * 2]);
        owners = rotated(owners, new Owner[size * 2]);
        int[] more = new int[size * 2];
        System.arraycopy(lengths, head, more, 0, size - head);
        System.arraycopy(lengths, 0, more, size - head, head);
        lengths = more;
        long[] moreOffsets = new long[size * 2];
        System.arraycopy(offsets, head, moreOffsets, 0, size - head);
        System.arraycopy(offsets, 0, moreOffsets, size - head, head);
        offsets = moreOffsets;
        head = 0;
    }

    private <T> @Nullable T[] rotated(@Nullable T[] from, @Nullable T[] to) {
        System.arraycopy(from, head, to, 0, from.length - head);
        System.arraycopy(from, 0, to, from.length - head, head);
        return to;
    }

    /** Sends as much as goes: 0 when nothing is left, {@code -EAGAIN} when the socket is full, or another error. */
    long send(Channel channel) {
        while (!isEmpty()) {
            if (vectors.count() == 0) {
                fill();
            }
            long result = channel.write(vectors);
            if (result == -Errno.EINTR) {
                continue;
            }
            if (result < 0) {
                return result;
            }
            if (result == vectors.bytes()) {
                sent();
            } else {
                vectors.advance(result);
            }
        }
        return channel.push();
    }

    private void fill() {
        int mask = pieces.length - 1;
        while (count > 0 && vectors.count() < AT_ONCE) {
            MemorySegment piece = pieces[head];
            if (piece != null) {
                vectors.add(piece, offsets[head], lengths[head]);
            }
            Owner owner = owners[head];
            if (owner != null) {
                inVectors[vectorOwners++] = owner;
            }
            pieces[head] = null;
            owners[head] = null;
            head = (head + 1) & mask;
            count--;
        }
    }

    private void sent() {
        vectors.clear();
        int released = vectorOwners;
        vectorOwners = 0;
        for (int i = 0; i < released; i++) {
            Owner owner = inVectors[i];
            inVectors[i] = null;
            if (owner != null) {
                owner.released();
            }
        }
    }

    /** Forgets everything; nothing more will be sent. */
    void abandon() {
        sent();
        while (count > 0) {
            fill();
            sent();
        }
        Arrays.fill(pieces, null);
    }
}
