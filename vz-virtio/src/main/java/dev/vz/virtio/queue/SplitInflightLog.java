package dev.vz.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** The log of a split queue: the descriptors that head its chains, by their index. */
final class SplitInflightLog implements InflightLog {

    /** Bytes before the descriptors. */
    private static final int HEADER = 16;
    /** Bytes for each descriptor. */
    private static final int ENTRY = 16;

    private static final int FEATURES = 0;
    private static final int VERSION = 8;
    private static final int DESC_NUM = 10;
    private static final int LAST_BATCH_HEAD = 12;
    private static final int USED_IDX = 14;
    private static final int INFLIGHT = 0;
    private static final int NEXT = 6;
    private static final int COUNTER = 8;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment region;
    private final int size;
    private long counter;
    /** Heads used since the last publication, in order. */
    private int[] batch = new int[64];
    private int batched;
    private boolean old;

    SplitInflightLog(MemorySegment region, int size) {
        this.region = region.asSlice(0, bytes(size));
        this.size = size;
    }

    static long bytes(int size) {
        return HEADER + (long) ENTRY * size;
    }

    /** Whether somebody had written it before {@link #recover}. */
    boolean isOld() {
        return old;
    }

    /** Brings it in line with the used ring, and says which heads were in flight, in the order they were taken. */
    int[] recover(int usedIdx) {
        old = (region.get(SHORT, VERSION) & 0xFFFF) == 1 && (region.get(SHORT, DESC_NUM) & 0xFFFF) == size;
        if (!old) {
            region.fill((byte) 0);
            region.set(LONG, FEATURES, 0L);
            region.set(SHORT, DESC_NUM, (short) size);
            region.set(SHORT, USED_IDX, (short) usedIdx);
            region.set(SHORT, VERSION, (short) 1);
            return new int[0];
        }
        // Published, but not yet cleared here: the batch's heads hang together from the last one.
        int behind = usedIdx - region.get(SHORT, USED_IDX) & 0xFFFF;
        int head = region.get(SHORT, LAST_BATCH_HEAD) & 0xFFFF;
        for (int i = 0; i < behind && i < size && head < size; i++) {
            region.set(ValueLayout.JAVA_BYTE, at(head) + INFLIGHT, (byte) 0);
            head = region.get(SHORT, at(head) + NEXT) & 0xFFFF;
        }
        region.set(SHORT, USED_IDX, (short) usedIdx);
        var order = new long[size];
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (region.get(ValueLayout.JAVA_BYTE, at(i) + INFLIGHT) == 1) {
                long taken = region.get(LONG, at(i) + COUNTER) & 0xFFFF_FFFF_FFFFL;
                counter = Math.max(counter, taken + 1);
                order[count++] = taken << 15 | i;
            }
        }
        Arrays.sort(order, 0, count);
        var heads = new int[count];
        for (int i = 0; i < count; i++) {
            heads[i] = (int) order[i] & 0x7FFF;
        }
        return heads;
    }

    void taken(int head) {
        region.set(LONG, at(head) + COUNTER, counter++);
        VarHandle.releaseFence();
        region.set(ValueLayout.JAVA_BYTE, at(head) + INFLIGHT, (byte) 1);
    }

    void undone(int head) {
        region.set(ValueLayout.JAVA_BYTE, at(head) + INFLIGHT, (byte) 0);
    }

    void used(int head) {
        int last = batched == 0 ? region.get(SHORT, LAST_BATCH_HEAD) & 0xFFFF : batch[batched - 1];
        region.set(SHORT, at(head) + NEXT, (short) last);
        if (batched == batch.length) {
            batch = Arrays.copyOf(batch, 2 * batched);
        }
        batch[batched++] = head;
        region.set(SHORT, LAST_BATCH_HEAD, (short) head);
    }

    void published(int usedIdx) {
        VarHandle.releaseFence();
        for (int i = 0; i < batched; i++) {
            region.set(ValueLayout.JAVA_BYTE, at(batch[i]) + INFLIGHT, (byte) 0);
        }
        batched = 0;
        VarHandle.releaseFence();
        region.set(SHORT, USED_IDX, (short) usedIdx);
    }

    private static long at(int head) {
        return HEADER + (long) ENTRY * head;
    }
}
