package dev.vz.storage.ring;

import dev.vz.block.BlockRequest;
import dev.vz.linux.file.IoVectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** One request under way in a ring: a place in the disk's table, used again. Of the disk's thread. */
final class RingRequest {

    /** Pieces of one call; a longer list goes in several. */
    static final int PIECES = 64;

    final int index;
    final IoVectors vectors = new IoVectors(PIECES);
    @Nullable
    BlockRequest request;
    /** Bytes that are done. */
    long done;
    /** A flush that makes a discard or a zeroing durable follows. */
    boolean syncFollows;
    boolean syncing;
    /** Aligned memory in the place of the request's own, where the kernel cannot use that. */
    @Nullable
    MemorySegment bounce;

    RingRequest(int index) {
        this.index = index;
    }

    void begin(BlockRequest request) {
        this.request = request;
        done = 0;
        syncFollows = false;
        syncing = false;
        bounce = null;
    }

    /** Whether all buffers are native, and aligned to {@code alignment}. */
    static boolean usable(BlockRequest request, long alignment) {
        for (int i = 0; i < request.bufferCount(); i++) {
            MemorySegment segment = request.segment(i);
            if (!segment.isNative() || (segment.address() + request.bufferOffset(i)) % alignment != 0
                    || request.bufferLength(i) % alignment != 0) {
                return false;
            }
        }
        return true;
    }

    void useBounce(BlockRequest request, boolean fill) {
        MemorySegment memory = Arena.ofAuto().allocate(request.length(), 4096);
        bounce = memory;
        if (fill) {
            move(request, memory, true);
        }
    }

    /** Copies between the request's buffers and {@code memory}. */
    static void move(BlockRequest request, MemorySegment memory, boolean toMemory) {
        long at = 0;
        for (int i = 0; i < request.bufferCount(); i++) {
            MemorySegment segment = request.segment(i);
            long length = request.bufferLength(i);
            if (toMemory) {
                MemorySegment.copy(segment, request.bufferOffset(i), memory, at, length);
            } else {
                MemorySegment.copy(memory, at, segment, request.bufferOffset(i), length);
            }
            at += length;
        }
    }

    /** Fills the vectors with what is not done yet, as far as they go. */
    void prepareVectors(BlockRequest current) {
        vectors.clear();
        MemorySegment whole = bounce;
        if (whole != null) {
            vectors.add(whole, done, current.length() - done);
            return;
        }
        long skip = done;
        for (int i = 0; i < current.bufferCount() && vectors.count() < PIECES; i++) {
            long length = current.bufferLength(i);
            if (skip >= length) {
                skip -= length;
            } else {
                vectors.add(current.segment(i), current.bufferOffset(i) + skip, length - skip);
                skip = 0;
            }
        }
    }

    /** What lies past the end of the file reads as zeros. */
    void zeroRest(BlockRequest current) {
        long skip = done;
        MemorySegment whole = bounce;
        if (whole != null) {
            whole.asSlice(skip, current.length() - skip).fill((byte) 0);
            return;
        }
        for (int i = 0; i < current.bufferCount(); i++) {
            long length = current.bufferLength(i);
            if (skip >= length) {
                skip -= length;
            } else {
                current.segment(i).asSlice(current.bufferOffset(i) + skip, length - skip).fill((byte) 0);
                skip = 0;
            }
        }
    }
}
