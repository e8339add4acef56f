package dev.vz.virtio.driver;

import dev.vz.memory.GuestMemory;
import dev.vz.virtio.queue.QueueFeatures;
import dev.vz.virtio.queue.QueueLayout;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;

/** The driver of a packed queue (virtio 1.3, 2.8), written from the driver's paragraphs of the specification. */
public final class PackedDriver implements QueueDriver {

    private final GuestMemory memory;
    private final int size;
    private final QueueFeatures features;
    private final long ring;
    private final long driverEvent;
    private final long deviceEvent;
    private final ArrayDeque<Integer> ids = new ArrayDeque<>();
    private final int[] slotsOf;
    private int freeSlots;
    private int nextAvail;
    private boolean availWrap = true;
    private int askedAvail;
    private boolean askedWrap = true;
    private int nextUsed;
    private boolean usedWrap = true;

    /** A driver whose ring starts at {@code base}. */
    public PackedDriver(GuestMemory memory, long base, int size, QueueFeatures features) {
        this.memory = memory;
        this.size = size;
        this.features = features;
        ring = base;
        driverEvent = (base + 16L * size + 4095) & ~4095L;
        deviceEvent = driverEvent + 4096;
        slotsOf = new int[size];
        freeSlots = size;
        for (int i = 0; i < size; i++) {
            ids.add(i);
        }
    }

    @Override
    public QueueLayout layout() {
        return new QueueLayout(size, 32768, ring, driverEvent, deviceEvent, features);
    }

    /** Writes everything of slot {@code slot} but its flags. */
    public void slot(int slot, long address, int length, int id) {
        memory.writeLong(ring + 16L * slot, address);
        memory.writeInt(ring + 16L * slot + 8, length);
        memory.writeShort(ring + 16L * slot + 12, (short) id);
    }

    /** Writes the flags of slot {@code slot}, making it available in lap {@code wrap}. */
    public void available(int slot, boolean wrap, int flags) {
        memory.writeShortRelease(ring + 16L * slot + 14, (short) (flags | (wrap ? 1 << 7 : 1 << 15)));
    }

    private void advance() {
        if (++nextAvail == size) {
            nextAvail = 0;
            availWrap = !availWrap;
        }
    }

    @Override
    public int submit(List<Buffer> buffers) {
        if (freeSlots < buffers.size()) {
            return -1;
        }
        int id = ids.removeFirst();
        int first = nextAvail;
        boolean firstWrap = availWrap;
        int firstFlags = 0;
        for (int i = 0; i < buffers.size(); i++) {
            Buffer buffer = buffers.get(i);
            int flags = (buffer.writable() ? 2 : 0) | (i < buffers.size() - 1 ? 1 : 0);
            slot(nextAvail, buffer.address(), buffer.length(), id);
            if (i == 0) {
                firstFlags = flags;
            } else {
                available(nextAvail, availWrap, flags);
            }
            advance();
        }
        available(first, firstWrap, firstFlags);
        slotsOf[id] = buffers.size();
        freeSlots -= buffers.size();
        return id;
    }

    @Override
    public int submitIndirect(long table, List<Buffer> buffers) {
        if (freeSlots == 0) {
            return -1;
        }
        for (int i = 0; i < buffers.size(); i++) {
            Buffer buffer = buffers.get(i);
            memory.writeLong(table + 16L * i, buffer.address());
            memory.writeInt(table + 16L * i + 8, buffer.length());
            memory.writeShort(table + 16L * i + 12, (short) 0);
            memory.writeShort(table + 16L * i + 14, (short) (buffer.writable() ? 2 : 0));
        }
        int id = ids.removeFirst();
        slot(nextAvail, table, 16 * buffers.size(), id);
        available(nextAvail, availWrap, 4);
        advance();
        slotsOf[id] = 1;
        freeSlots--;
        return id;
    }

    @Override
    public Optional<Completion> complete() {
        int flags = memory.readShortAcquire(ring + 16L * nextUsed + 14) & 0xFFFF;
        boolean isAvail = (flags & 1 << 7) != 0;
        boolean isUsed = (flags & 1 << 15) != 0;
        if (isAvail != isUsed || isUsed != usedWrap) {
            return Optional.empty();
        }
        int id = memory.readShort(ring + 16L * nextUsed + 12) & 0xFFFF;
        int written = memory.readInt(ring + 16L * nextUsed + 8);
        nextUsed += slotsOf[id];
        if (nextUsed >= size) {
            nextUsed -= size;
            usedWrap = !usedWrap;
        }
        freeSlots += slotsOf[id];
        ids.add(id);
        return Optional.of(new Completion(id, written));
    }

    @Override
    public boolean shouldNotify() {
        int old = askedWrap == availWrap ? askedAvail : askedAvail - size;
        askedAvail = nextAvail;
        askedWrap = availWrap;
        int wish = memory.readInt(deviceEvent);
        int mode = wish >>> 16 & 3;
        if (mode != 2) {
            return mode == 0;
        }
        int event = (wish & 0x7FFF) - ((wish & 0x8000) != 0 == availWrap ? 0 : size);
        return event >= old && event < nextAvail;
    }

    @Override
    public void interrupts(boolean wanted) {
        memory.writeShort(driverEvent + 2, (short) (!wanted ? 1 : features.eventIdx() ? 2 : 0));
        memory.writeShort(driverEvent, (short) (nextUsed | (usedWrap ? 0x8000 : 0)));
    }
}
