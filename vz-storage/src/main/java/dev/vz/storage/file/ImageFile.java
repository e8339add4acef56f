package dev.vz.storage.file;

import dev.vz.block.BlockRequest;
import java.lang.foreign.MemorySegment;

/**
 * A file that holds (part of) an image: bytes at positions.
 *
 * <p>
 * Positions and lengths are bytes. Methods may be called by several threads at once and block until done; they throw
 * {@link dev.vz.error.HostException} when the host refuses. What was written is durable after a {@link #flush()} that
 * began later. Writes that are not yet flushed may reach stable storage in any order and in parts.
 */
public interface ImageFile extends AutoCloseable {

    /** What it is called, for messages. */
    String name();

    /** Whether writes fail. */
    boolean readOnly();

    /** Its length in bytes. */
    long size();

    /** Bytes of storage that it takes. */
    long allocatedBytes();

    /** Equal for two open files exactly if they are the same file. */
    Object identity();

    /** Fills {@code [offset, offset + length)} of {@code target} from {@code position}; zeros past the end of the file. */
    void read(long position, MemorySegment target, long offset, long length);

    /**
     * Does what {@link #read(long, MemorySegment, long, long)} does, if that needs no waiting for storage.
     *
     * @return whether all of it was read; if not, the target's range holds anything
     */
    default boolean readNow(long position, MemorySegment target, long offset, long length) {
        return false;
    }

    /** Writes {@code [offset, offset + length)} of {@code source} at {@code position}, growing the file where needed. */
    void write(long position, MemorySegment source, long offset, long length);

    /**
     * Does what {@link #write(long, MemorySegment, long, long)} does, where nothing is known that would have it wait for storage,
     * and within the file as it is.
     *
     * @return whether all of it was written; if not, the range holds anything
     */
    default boolean writeNow(long position, MemorySegment source, long offset, long length) {
        return false;
    }

    /**
     * Says that all of a range is going to be written, much of it where nothing has been stored yet. A hint: neither what can be
     * read nor the size changes by it, and nothing fails.
     */
    default void expectWrite(long position, long length) {
        // Most files have nothing to prepare.
    }

    /** Does {@link #readNow(long, MemorySegment, long, long)} for all that a read asks for. */
    default boolean readNow(BlockRequest request) {
        long at = request.offset();
        for (int i = 0; i < request.bufferCount(); i++) {
            long length = request.bufferLength(i);
            if (!readNow(at, request.segment(i), request.bufferOffset(i), length)) {
                return false;
            }
            at += length;
        }
        return true;
    }

    /** Does {@link #writeNow(long, MemorySegment, long, long)} for all that a write asks for. */
    default boolean writeNow(BlockRequest request) {
        long at = request.offset();
        for (int i = 0; i < request.bufferCount(); i++) {
            long length = request.bufferLength(i);
            if (!writeNow(at, request.segment(i), request.bufferOffset(i), length)) {
                return false;
            }
            at += length;
        }
        return true;
    }

    /** Makes everything that was written before durable. */
    void flush();

    /** Makes it {@code size} bytes long; what is added reads as zeros. */
    void resize(long size);

    /** Takes storage for a range, growing the file where needed; what it reads stays, new bytes read as zeros. */
    void allocate(long position, long length);

    /** Says that a range within the file is not needed; it then reads as zeros or as before. */
    void discard(long position, long length);

    /** Makes a range read as zeros, growing the file where needed. {@code mayUnmap}: the storage may be given back. */
    void writeZeroes(long position, long length, boolean mayUnmap);

    /** Where the first data at or after {@code position} is; {@link #size()} if there is none. */
    long nextData(long position);

    /** Where the first hole at or after {@code position} is; {@link #size()} if there is none. */
    long nextHole(long position);

    /** Releases it, without a flush. Idempotent. */
    @Override
    void close();

    /** Reads all of {@code target}. */
    default void read(long position, MemorySegment target) {
        read(position, target, 0, target.byteSize());
    }

    /** Writes all of {@code source}. */
    default void write(long position, MemorySegment source) {
        write(position, source, 0, source.byteSize());
    }
}
