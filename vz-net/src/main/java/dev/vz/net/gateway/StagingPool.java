package dev.vz.net.gateway;

import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Memory for what guests have sent and host sockets do not take yet, lent in pieces of 64 KiB. It grows with demand up to
 * its limit and keeps what it has. A piece carries old bytes, so whoever borrows one reads only what it has written.
 */
final class StagingPool {

    static final int PIECE = 1 << 16;

    private final SegmentAllocator arena;
    private final int limit;
    private final ArrayDeque<MemorySegment> free = new ArrayDeque<>();
    private int made;

    StagingPool(SegmentAllocator arena, int bytes) {
        this.arena = arena;
        limit = bytes / PIECE;
    }

    /** A piece; {@code null} if all are lent. */
    @Nullable
    MemorySegment borrow() {
        MemorySegment piece = free.poll();
        if (piece == null && made < limit) {
            made++;
            piece = arena.allocate(PIECE, 64);
        }
        return piece;
    }

    void giveBack(MemorySegment piece) {
        free.push(piece);
    }

    long lentBytes() {
        return (long) (made - free.size()) * PIECE;
    }
}
