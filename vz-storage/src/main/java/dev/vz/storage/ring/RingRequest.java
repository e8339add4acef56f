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
            MemorySegment buffer = request.buffer(i);
            if (!buffer.isNative() || buffer.address() % alignment != 0 || buffer.byteSize() % alignment != 0) {
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
            MemorySegment buffer = request.buffer(i);
            if (toMemory) {
                MemorySegment.copy(buffer, 0, memory, at, buffer.byteSize());
            } else {
                MemorySegment.copy(memory, at, buffer, 0, buffer.byteSize());
            }
            at += buffer.byteSize();
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
            MemorySegment buffer = current.buffer(i);
            if (skip >= buffer.byteSize()) {
                skip -= buffer.byteSize();
            } else {
                vectors.add(buffer, skip, buffer.byteSize() - skip);
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
            MemorySegment buffer = current.buffer(i);
            if (skip >= buffer.byteSize()) {
                skip -= buffer.byteSize();
            } else {
                buffer.asSlice(skip).fill((byte) 0);
                skip = 0;
            }
        }
    }
}
