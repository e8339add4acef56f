package dev.vz.storage.nbd;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Memory for the data of one request, page-aligned, used again and again. Slices are remembered, so that a workload with
 * a few request sizes makes none. Freed by the garbage collector: the device may still use it when its connection is gone.
 */
final class PayloadBuffer {

    private static final int REMEMBERED = 16;

    private final MemorySegment memory;
    private final @Nullable MemorySegment[] slices = new MemorySegment[REMEMBERED];
    private MemorySegment last;

    /** The next one in its pool's list. */
    @Nullable
    PayloadBuffer next;

    private PayloadBuffer(int capacity) {
        memory = Arena.ofAuto().allocate(capacity, 4096);
        last = memory;
    }

    /** All of it. */
    MemorySegment memory() {
        return memory;
    }

    /** Its first {@code length} bytes. */
    MemorySegment slice(int length) {
        if (last.byteSize() == length) {
            return last;
        }
        int slot = (length >>> 9) % REMEMBERED;
        MemorySegment known = slices[slot];
        if (known == null || known.byteSize() != length) {
            known = memory.asSlice(0, length);
            slices[slot] = known;
        }
        last = known;
        return known;
    }

    /** Buffers by size, of one thread. */
    static final class Pool {

        private static final int SMALLEST = 12;
        private static final int LARGEST = 25;
        /** Bytes of unused buffers that are kept. */
        private static final long KEPT = 64L << 20;

        private final @Nullable PayloadBuffer[] free = new PayloadBuffer[LARGEST + 1];
        private long kept;

        /** Bytes that a buffer for {@code length} bytes takes. */
        static int capacity(int length) {
            return 1 << sizeClass(length);
        }

        private static int sizeClass(int length) {
            return Math.max(SMALLEST, 32 - Integer.numberOfLeadingZeros(Math.max(length, 1) - 1));
        }

        /** A buffer of at least {@code length} bytes, at most {@link Nbd#MAX_PAYLOAD}. */
        PayloadBuffer take(int length) {
            int sizeClass = sizeClass(length);
            PayloadBuffer found = free[sizeClass];
            if (found == null) {
                return new PayloadBuffer(1 << sizeClass);
            }
            free[sizeClass] = found.next;
            found.next = null;
            kept -= found.memory.byteSize();
            return found;
        }

        /** Takes a buffer back. */
        void give(PayloadBuffer buffer) {
            long size = buffer.memory.byteSize();
            if (kept + size <= KEPT) {
                int sizeClass = sizeClass((int) size);
                buffer.next = free[sizeClass];
                free[sizeClass] = buffer;
                kept += size;
            }
        }
    }
}
