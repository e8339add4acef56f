package dev.vz.linux.file;

import dev.vz.error.ConfigurationException;
import dev.vz.linux.NativeAccess;
import dev.vz.linux.generated.iovec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A list of pieces of memory for one vectored call: an array of {@code struct iovec}.
 *
 * <p>
 * Made once and filled again for every call, without allocating. The pieces must stay mapped until the call returns:
 * the kernel is given bare addresses, so closing the arena of a piece in another thread meanwhile is the caller's
 * mistake. Used by one thread at a time.
 */
public final class IoVectors {

    /** The most pieces that one call takes, IOV_MAX. */
    public static final int MAXIMUM = 1024;

    // The addresses are written as integers: an address layout would make a segment of each when reading back.
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG;

    private final MemorySegment array;
    private final @Nullable MemorySegment[] pieces;
    private int count;
    private long bytes;

    /** Room for {@code capacity} pieces, at most {@value #MAXIMUM}. */
    public IoVectors(int capacity) {
        NativeAccess.require();
        if (capacity <= 0 || capacity > MAXIMUM) {
            throw new ConfigurationException("A vectored call takes 1 to " + MAXIMUM + " pieces, not " + capacity);
        }
        array = Arena.ofAuto().allocate(iovec.layout(), capacity);
        pieces = new MemorySegment[capacity];
    }

    /** Forgets all pieces. */
    public void clear() {
        Arrays.fill(pieces, 0, count, null);
        count = 0;
        bytes = 0;
    }

    /** Appends all of {@code piece}, which is native memory. */
    public void add(MemorySegment piece) {
        add(piece, 0, piece.byteSize());
    }

    /** Appends {@code length} bytes of {@code piece} from {@code offset} on. */
    public void add(MemorySegment piece, long offset, long length) {
        if (!piece.isNative()) {
            throw new ConfigurationException("The kernel reaches native memory only, not an array of the Java heap");
        }
        if (offset < 0 || length < 0 || length > piece.byteSize() - offset) {
            throw new ConfigurationException(length + " bytes at offset " + offset + " are not within a piece of "
                    + piece.byteSize() + " bytes");
        }
        if (count == pieces.length) {
            throw new ConfigurationException("These vectors are full with " + count + " pieces");
        }
        set(count, piece.address() + offset, length);
        pieces[count++] = piece;
        bytes = Math.addExact(bytes, length);
    }

    /** Drops the first {@code transferred} bytes, after a call that moved fewer than all. */
    public void advance(long transferred) {
        if (transferred < 0 || transferred > bytes) {
            throw new ConfigurationException("Cannot drop " + transferred + " of " + bytes + " bytes");
        }
        long left = transferred;
        int whole = 0;
        while (whole < count && length(whole) <= left) {
            left -= length(whole++);
        }
        for (int i = whole; i < count; i++) {
            set(i - whole, base(i), length(i));
            pieces[i - whole] = pieces[i];
        }
        Arrays.fill(pieces, count - whole, count, null);
        count -= whole;
        bytes -= transferred;
        if (left > 0) {
            set(0, base(0) + left, length(0) - left);
        }
    }

    /** What is left of piece {@code index} for the next call. Makes a new segment. */
    public MemorySegment remaining(int index) {
        MemorySegment piece = Objects.requireNonNull(pieces[Objects.checkIndex(index, count)]);
        return piece.asSlice(base(index) - piece.address(), length(index));
    }

    /** Number of pieces. */
    public int count() {
        return count;
    }

    /** Sum of the pieces' lengths. */
    public long bytes() {
        return bytes;
    }

    /** The array as the kernel reads it; {@link #count()} elements are valid. */
    public MemorySegment array() {
        return array;
    }

    private void set(int index, long base, long length) {
        long at = index * iovec.sizeof();
        array.set(WORD, at + Layout.BASE, base);
        array.set(WORD, at + Layout.LENGTH, length);
    }

    private long base(int index) {
        return array.get(WORD, index * iovec.sizeof() + Layout.BASE);
    }

    private long length(int index) {
        return array.get(WORD, index * iovec.sizeof() + Layout.LENGTH);
    }

    // Apart, so that the bindings are first touched after the check for native access.
    private static final class Layout {
        static final long BASE = iovec.iov_base$offset();
        static final long LENGTH = iovec.iov_len$offset();
    }
}
