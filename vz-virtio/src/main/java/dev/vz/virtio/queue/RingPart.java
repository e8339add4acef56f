package dev.vz.virtio.queue;

import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * One of the three areas of a queue, found in guest memory once, at enable. All values are little-endian; the ordered
 * accesses are those that virtio 1.3, 2.7.13 and 2.7.14 ask for.
 */
final class RingPart {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT_HANDLE = SHORT.varHandle();

    private final MemoryRegion region;
    private final MemorySegment segment;
    private final long base;
    private final long bytes;

    private RingPart(MemoryRegion region, long base, long bytes) {
        this.region = region;
        this.segment = region.segment();
        this.base = base;
        this.bytes = bytes;
    }

    /** The area at {@code gpa}; {@code null} if it is not memory that the guest has, or lies in two regions. */
    static @Nullable RingPart find(GuestMemory memory, long gpa, long bytes, boolean written) {
        MemoryRegion region = memory.region(gpa);
        if (region == null || region.size() - (gpa - region.guestAddress()) < bytes || written && region.readOnly()
                || !region.allows(gpa - region.guestAddress(), bytes)) {
            return null;
        }
        return new RingPart(region, gpa - region.guestAddress(), bytes);
    }

    int shortAt(long offset) {
        return segment.get(SHORT, base + offset) & 0xFFFF;
    }

    int shortAcquire(long offset) {
        return (short) SHORT_HANDLE.getAcquire(segment, base + offset) & 0xFFFF;
    }

    int intAt(long offset) {
        return segment.get(INT, base + offset);
    }

    long longAt(long offset) {
        return segment.get(LONG, base + offset);
    }

    void setShort(long offset, int value) {
        segment.set(SHORT, base + offset, (short) value);
    }

    void setShortRelease(long offset, int value) {
        SHORT_HANDLE.setRelease(segment, base + offset, (short) value);
    }

    void setInt(long offset, int value) {
        segment.set(INT, base + offset, value);
    }

    void setLong(long offset, long value) {
        segment.set(LONG, base + offset, value);
    }

    /** Marks the area as written, where somebody tracks. Once a batch: rings are small. */
    void markDirty() {
        DirtyBitmap dirty = region.dirty();
        if (dirty != null) {
            dirty.mark(base, bytes);
        }
    }
}
