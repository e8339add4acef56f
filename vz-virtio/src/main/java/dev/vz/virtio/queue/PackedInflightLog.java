package dev.vz.virtio.queue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The log of a packed queue: copies of the descriptors themselves, for completions take their places in the ring. Lists of
 * entries, one for each chain in flight and one of those that are free.
 *
 * <p>
 * A change is made beside what is there and counts when the "old" fields are set to the new ones: whoever finds them
 * different takes the change back, or completes it if the driver has seen it already.
 */
final class PackedInflightLog implements InflightLog {

    private static final int HEADER = 32;
    private static final int ENTRY = 32;

    private static final int FEATURES = 0;
    private static final int VERSION = 8;
    private static final int DESC_NUM = 10;
    private static final int FREE_HEAD = 12;
    private static final int OLD_FREE_HEAD = 14;
    /** used_idx, old_used_idx, used_wrap_counter, old_used_wrap_counter: two, two, one and one byte. */
    private static final int USED = 16;

    private static final int INFLIGHT = 0;
    private static final int NEXT = 2;
    private static final int LAST = 4;
    private static final int NUM = 6;
    private static final int COUNTER = 8;
    private static final int ID = 16;
    private static final int FLAGS = 18;
    private static final int LEN = 20;
    private static final int ADDR = 24;

    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment region;
    private final int size;
    /** Head entry of the chain with a buffer id, while it is in flight. An id is whatever 16 bits the driver likes. */
    private final char[] heads = new char[1 << 16];
    /** Last entry of the chain with a head entry. Read here rather than there, where the front end can change it. */
    private final char[] lasts;
    private long counter;
    /** The free list's first entry when nothing is half done; {@link #size} for none. */
    private int free;
    /** The chain that is being taken: its first entry, its last one, and how many it has. */
    private int head;
    private int last;
    private int taking;
    /** Entries that were used since the last publication, in order. */
    private int[] batch = new int[64];
    private int batched;
    private int usedPosition;

    PackedInflightLog(MemorySegment region, int size) {
        this.region = region.asSlice(0, bytes(size));
        this.size = size;
        lasts = new char[size];
    }

    static long bytes(int size) {
        return HEADER + (long) ENTRY * size;
    }

    private static long at(int entry) {
        return HEADER + (long) ENTRY * entry;
    }

    private int header(int field) {
        return region.get(SHORT, field) & 0xFFFF;
    }

    /** Used and old used position are one word, which is written in one go: both change or none. */
    private void setUsed(int position, int old) {
        region.set(LONG, USED, position & 0x7FFFL | (old & 0x7FFFL) << 16 | (position >>> 15 & 1L) << 32
                | (old >>> 15 & 1L) << 40);
    }

    private int field(int entry, int field) {
        return region.get(SHORT, at(entry) + field) & 0xFFFF;
    }

    private void setField(int entry, int field, int value) {
        region.set(SHORT, at(entry) + field, (short) value);
    }

    private boolean isInflight(int entry) {
        return region.get(BYTE, at(entry) + INFLIGHT) == 1;
    }

    private void setInflight(int entry, boolean inflight) {
        region.set(BYTE, at(entry) + INFLIGHT, (byte) (inflight ? 1 : 0));
    }

    // ------------------------------------------------------------------------------------------------- recovery

    /**
     * Whether somebody had written it before and can be believed. If not it is written afresh, with the used position
     * {@code position}: slot and, in bit 15, wrap counter.
     *
     * @param ring what the driver sees, to tell whether it has seen the last batch
     */
    boolean recover(RingPart ring, int position) {
        if (header(VERSION) == 1 && header(DESC_NUM) == size && settle(ring) && isWhole()) {
            return true;
        }
        begin(position);
        return false;
    }

    private void begin(int position) {
        region.fill((byte) 0);
        for (int i = 0; i < size; i++) {
            setField(i, NEXT, i + 1);
        }
        free = 0;
        counter = 0;
        usedPosition = position;
        region.set(LONG, FEATURES, 0L);
        region.set(SHORT, DESC_NUM, (short) size);
        setUsed(position, position);
        region.set(SHORT, VERSION, (short) 1);
    }

    /** Completes or takes back what was half done; {@code false} if the numbers cannot be. */
    private boolean settle(RingPart ring) {
        long used = region.get(LONG, USED);
        int position = (int) used & 0x7FFF | (int) (used >>> 32 & 1) << 15;
        int old = (int) (used >>> 16) & 0x7FFF | (int) (used >>> 40 & 1) << 15;
        if ((position & 0x7FFF) >= size || (old & 0x7FFF) >= size) {
            return false;
        }
        boolean isSeen = position != old
                && !PackedQueue.isAvailable(ring.shortAcquire(16L * (old & 0x7FFF) + 14), (old & 0x8000) != 0);
        free = header(isSeen ? FREE_HEAD : OLD_FREE_HEAD);
        usedPosition = isSeen ? position : old;
        region.set(SHORT, FREE_HEAD, (short) free);
        region.set(SHORT, OLD_FREE_HEAD, (short) free);
        setUsed(usedPosition, usedPosition);
        int entry = free;
        for (int i = 0; i < size && entry < size; i++) {
            setInflight(entry, false);
            entry = field(entry, NEXT);
        }
        return true;
    }

    /** Whether each entry is in one list and one only: free, or of a chain in flight. */
    private boolean isWhole() {
        var seen = new boolean[size];
        int count = 0;
        int entry = free;
        while (entry < size && !seen[entry]) {
            seen[entry] = true;
            count++;
            entry = field(entry, NEXT);
        }
        for (int i = 0; i < size; i++) {
            if (!isInflight(i)) {
                continue;
            }
            int left = field(i, NUM);
            int tail = i;
            for (entry = i; left > 0 && entry < size && !seen[entry]; left--) {
                seen[entry] = true;
                count++;
                tail = entry;
                entry = field(entry, NEXT);
            }
            if (left > 0 || tail == i && !seen[i] || tail != field(i, LAST)) {
                return false;
            }
            lasts[i] = (char) tail;
            counter = Math.max(counter, (region.get(LONG, at(i) + COUNTER) & 0xFFFF_FFFF_FFFFL) + 1);
        }
        return count == size;
    }

    /** Where the used side is: slot and, in bit 15, wrap counter. */
    int usedPosition() {
        return usedPosition;
    }

    /** Head entries of what is in flight, in the order they were taken. */
    int[] inflight() {
        var order = new long[size];
        int count = 0;
        for (int i = 0; i < size; i++) {
            if (isInflight(i)) {
                order[count++] = (region.get(LONG, at(i) + COUNTER) & 0xFFFF_FFFF_FFFFL) << 15 | i;
            }
        }
        Arrays.sort(order, 0, count);
        var found = new int[count];
        for (int i = 0; i < count; i++) {
            found[i] = (int) order[i] & 0x7FFF;
            heads[id(found[i])] = (char) found[i];
        }
        return found;
    }

    /** Slots that the chain of {@code entry} takes up. */
    int slots(int entry) {
        return field(entry, NUM);
    }

    /** The buffer id of the chain of {@code entry}, which its last descriptor has. */
    int id(int entry) {
        return field(lasts[entry], ID);
    }

    int next(int entry) {
        return field(entry, NEXT);
    }

    long address(int entry) {
        return region.get(LONG, at(entry) + ADDR);
    }

    long length(int entry) {
        return region.get(INT, at(entry) + LEN) & 0xFFFF_FFFFL;
    }

    int flags(int entry) {
        return field(entry, FLAGS);
    }

    // ----------------------------------------------------------------------------------------- while it works

    /** One descriptor of the chain that is being taken; {@code false} if there are more than the queue has. */
    boolean take(long address, long length, int id, int flags, boolean first) {
        int entry = first ? free : field(last, NEXT);
        if (entry >= size) {
            return false;
        }
        if (first) {
            head = entry;
            taking = 0;
            region.set(LONG, at(entry) + COUNTER, counter++);
            setInflight(entry, true);
        }
        region.set(LONG, at(entry) + ADDR, address);
        region.set(INT, at(entry) + LEN, (int) length);
        setField(entry, ID, id);
        setField(entry, FLAGS, flags);
        last = entry;
        taking++;
        return true;
    }

    /** The chain's last descriptor, with the buffer {@code id}, was taken: from here on it is in flight. */
    void taken(int id) {
        setField(head, LAST, last);
        setField(head, NUM, taking);
        heads[id] = (char) head;
        lasts[head] = (char) last;
        setFree(field(last, NEXT));
    }

    /** The head entry of the chain in flight that has a buffer {@code id}. */
    int entry(int id) {
        return heads[id];
    }

    private void setFree(int entry) {
        free = entry;
        region.set(SHORT, FREE_HEAD, (short) entry);
        VarHandle.releaseFence();
        region.set(SHORT, OLD_FREE_HEAD, (short) entry);
        VarHandle.releaseFence();
    }

    void undone(int id) {
        int entry = heads[id];
        setField(lasts[entry], NEXT, free);
        VarHandle.releaseFence();
        setFree(entry);
        setInflight(entry, false);
    }

    void used(int id) {
        if (batched == batch.length) {
            batch = Arrays.copyOf(batch, 2 * batched);
        }
        batch[batched++] = heads[id];
    }

    /** Before the batch is shown to the driver, whose used side will be at {@code position}. */
    void publishing(int position) {
        for (int i = 0; i < batched; i++) {
            int entry = batch[i];
            setField(lasts[entry], NEXT, free);
            free = entry;
        }
        VarHandle.releaseFence();
        region.set(SHORT, FREE_HEAD, (short) free);
        VarHandle.releaseFence();
        setUsed(position, usedPosition);
        usedPosition = position;
        VarHandle.releaseFence();
    }

    /** After that. */
    void published() {
        VarHandle.releaseFence();
        for (int i = 0; i < batched; i++) {
            setInflight(batch[i], false);
        }
        batched = 0;
        region.set(SHORT, OLD_FREE_HEAD, (short) free);
        VarHandle.releaseFence();
        setUsed(usedPosition, usedPosition);
    }
}
