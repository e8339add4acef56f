package dev.vz.virtio.queue;

import java.lang.foreign.MemorySegment;

/**
 * Which chains of a queue are in flight, in memory that outlives whoever works on the queue: the region of a vhost-user
 * front end ("inflight I/O tracking" of the vhost-user protocol). Native byte order, which is little-endian.
 *
 * <p>
 * Its content is somebody else's: numbers that cannot be are treated as nothing in flight. Used by the queue's thread.
 */
public sealed interface InflightLog permits SplitInflightLog, PackedInflightLog {

    /**
     * A log in {@code region}, all zero or written by a log before, of a queue of {@code size} entries. The region has
     * {@link #bytes} at least.
     */
    static InflightLog of(MemorySegment region, int size, boolean packed) {
        return packed ? new PackedInflightLog(region, size) : new SplitInflightLog(region, size);
    }

    /** Bytes of the log of a queue with {@code size} entries. */
    static long bytes(int size, boolean packed) {
        return packed ? PackedInflightLog.bytes(size) : SplitInflightLog.bytes(size);
    }
}
