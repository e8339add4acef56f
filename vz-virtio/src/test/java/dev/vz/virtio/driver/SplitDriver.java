package dev.vz.virtio.driver;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;

/** The driver of a split queue (virtio 1.3, 2.7), written from the driver's paragraphs of the specification. */
public final class SplitDriver implements QueueDriver {

    private final GuestMemory memory;
    private final int size;
    private final QueueFeatures features;
    private final long descriptors;
    private final long avail;
    private final long used;
    private final ArrayDeque<Integer> free = new ArrayDeque<>();
    private final int[] chainLength;
    private int availIdx;
    private int askedIdx;
    private int usedIdx;

    /** A driver whose rings start at {@code base}, each on a page of its own. */
    public SplitDriver(GuestMemory memory, long base, int size, QueueFeatures features) {
        this.memory = memory;
        this.size = size;
        this.features = features;
        descriptors = base;
        avail = align(descriptors + 16L * size);
        used = align(avail + 6 + 2L * size);
        chainLength = new int[size];
        for (int i = 0; i < size; i++) {
            free.add(i);
        }
    }

    private static long align(long address) {
        return (address + 4095) & ~4095L;
    }

    @Override
    public QueueLayout layout() {
        return new QueueLayout(size, 32768, descriptors, avail, used, features);
    }

    /** Writes descriptor {@code index}, whatever it says. */
    public void descriptor(int index, long address, int length, int flags, int next) {
        long at = descriptors + 16L * index;
        memory.writeLong(at, address);
        memory.writeInt(at + 8, length);
        memory.writeShort(at + 12, (short) flags);
        memory.writeShort(at + 14, (short) next);
    }

    /** Puts {@code head} into the available ring and moves its index on, whatever it says. */
    public void offer(int head) {
        memory.writeShort(avail + 4 + 2L * (availIdx & size - 1), (short) head);
        availIdx = availIdx + 1 & 0xFFFF;
        memory.writeShortRelease(avail + 2, (short) availIdx);
    }

    /** Sets {@code avail.idx}, whatever it says. */
    public void setAvailIdx(int idx) {
        availIdx = idx & 0xFFFF;
        memory.writeShortRelease(avail + 2, (short) idx);
    }

    /** {@code used.idx}. */
    public int usedIdx() {
        return memory.readShort(used + 2) & 0xFFFF;
    }

    /** Sets {@code used_event}. */
    public void setUsedEvent(int event) {
        memory.writeShort(avail + 4 + 2L * size, (short) event);
    }

    @Override
    public int submit(List<Buffer> buffers) {
        if (free.size() < buffers.size()) {
            return -1;
        }
        int head = free.removeFirst();
        int index = head;
        for (int i = 0; i < buffers.size(); i++) {
            boolean last = i == buffers.size() - 1;
            int next = last ? 0 : free.removeFirst();
            Buffer buffer = buffers.get(i);
            descriptor(index, buffer.address(), buffer.length(), (buffer.writable() ? 2 : 0) | (last ? 0 : 1), next);
            index = next;
        }
        chainLength[head] = buffers.size();
        offer(head);
        return head;
    }

    @Override
    public int submitIndirect(long table, List<Buffer> buffers) {
        if (free.isEmpty()) {
            return -1;
        }
        for (int i = 0; i < buffers.size(); i++) {
            Buffer buffer = buffers.get(i);
            boolean last = i == buffers.size() - 1;
            memory.writeLong(table + 16L * i, buffer.address());
            memory.writeInt(table + 16L * i + 8, buffer.length());
            memory.writeShort(table + 16L * i + 12, (short) ((buffer.writable() ? 2 : 0) | (last ? 0 : 1)));
            memory.writeShort(table + 16L * i + 14, (short) (last ? 0 : i + 1));
        }
        int head = free.removeFirst();
        descriptor(head, table, 16 * buffers.size(), 4, 0);
        chainLength[head] = 1;
        offer(head);
        return head;
    }

    @Override
    public Optional<Completion> complete() {
        if ((memory.readShortAcquire(used + 2) & 0xFFFF) == usedIdx) {
            return Optional.empty();
        }
        long at = used + 4 + 8L * (usedIdx & size - 1);
        int id = memory.readInt(at);
        int written = memory.readInt(at + 4);
        usedIdx = usedIdx + 1 & 0xFFFF;
        int index = id;
        for (int i = 0; i < chainLength[id]; i++) {
            free.add(index);
            index = memory.readShort(descriptors + 16L * index + 14) & 0xFFFF;
        }
        return Optional.of(new Completion(id, written));
    }

    @Override
    public boolean shouldNotify() {
        int old = askedIdx;
        askedIdx = availIdx;
        if (!features.eventIdx()) {
            return (memory.readShort(used) & 1) == 0;
        }
        int event = memory.readShort(used + 4 + 8L * size) & 0xFFFF;
        return (availIdx - event - 1 & 0xFFFF) < (availIdx - old & 0xFFFF);
    }

    @Override
    public void interrupts(boolean wanted) {
        if (features.eventIdx()) {
            setUsedEvent(wanted ? usedIdx : usedIdx - 1 & 0xFFFF);
        } else {
            memory.writeShort(avail, (short) (wanted ? 0 : 1));
        }
    }
}
