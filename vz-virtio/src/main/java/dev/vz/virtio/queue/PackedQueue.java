package dev.vz.virtio.queue;

import dev.vz.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A packed virtqueue (virtio 1.3, 2.8).
 *
 * <p>
 * Descriptors and their completions share one ring; the available and used flags against the wrap counters tell which is
 * which. A batch of completions becomes visible with the release of its first descriptor's flags, which is written last.
 */
public final class PackedQueue implements Virtqueue {

    private static final int AVAIL = 1 << 7;
    private static final int USED = 1 << 15;
    private static final int EVENT_ENABLE = 0;
    private static final int EVENT_DISABLE = 1;
    private static final int EVENT_DESCRIPTOR = 2;

    private final QueueLayout layout;
    private final int size;
    private final boolean eventIdx;
    private final boolean indirect;
    private final ChainWalker walker;
    private final @Nullable RingPart ring;
    private final @Nullable RingPart driverEvent;
    private final @Nullable RingPart deviceEvent;

    private int nextAvail;
    private boolean availWrap = true;
    private int nextUsed;
    private boolean usedWrap = true;
    /** Slot whose flags hold a batch back; -1 while nothing is added. */
    private int heldSlot = -1;
    private int heldFlags;
    private int publishedUsed;
    private boolean publishedWrap = true;
    private boolean publishedOnce;
    private @Nullable PackedInflightLog inflight;
    /** Entries of the log to be given again before anything new. */
    private int[] again = {};
    private int nextAgain;

    PackedQueue(QueueLayout layout, GuestMemory memory) {
        this.layout = layout;
        this.size = layout.size();
        this.eventIdx = layout.features().eventIdx();
        this.indirect = layout.features().indirect();
        this.walker = new ChainWalker(memory, layout.maxSize());
        String fault = layout.fault();
        if (!fault.isEmpty()) {
            // An area that is not aligned cannot even be given back to: no part of it is touched.
            walker.fail(fault);
            ring = null;
            driverEvent = null;
            deviceEvent = null;
            return;
        }
        ring = RingPart.find(memory, layout.descriptorArea(), layout.descriptorBytes(), true);
        driverEvent = RingPart.find(memory, layout.driverArea(), layout.driverBytes(), false);
        deviceEvent = RingPart.find(memory, layout.deviceArea(), layout.deviceBytes(), true);
        if (ring == null || driverEvent == null || deviceEvent == null) {
            walker.fail(String.format("rings at 0x%x, 0x%x, 0x%x are not guest memory", layout.descriptorArea(),
                    layout.driverArea(), layout.deviceArea()));
        }
    }

    @Override
    public QueueLayout layout() {
        return layout;
    }

    @Override
    public @Nullable String fault() {
        return walker.fault();
    }

    static boolean isAvailable(int flags, boolean wrap) {
        return (flags & AVAIL) != 0 == wrap && (flags & USED) != 0 != wrap;
    }

    @Override
    public boolean next(DescriptorChain chain) {
        RingPart table = ring;
        if (walker.fault() != null || table == null) {
            return false;
        }
        PackedInflightLog log = inflight;
        if (log != null && nextAgain < again.length) {
            return nextAgain(log, chain);
        }
        int slot = nextAvail;
        boolean wrap = availWrap;
        int flags = table.shortAcquire(16L * slot + 14);
        if (!isAvailable(flags, wrap)) {
            return false;
        }
        chain.begin();
        int slots = 0;
        while (true) {
            if (slots == size) {
                return walker.fail("descriptor chain at slot " + nextAvail + " is longer than the queue");
            }
            long address = table.longAt(16L * slot);
            long length = table.intAt(16L * slot + 8) & 0xFFFF_FFFFL;
            int id = table.shortAt(16L * slot + 12);
            slots++;
            if (!take(chain, slot, flags, address, length, slots)) {
                return false;
            }
            if (log != null && !log.take(address, length, id, flags, slots == 1)) {
                return walker.fail("more descriptors are in flight than the " + size + " that the queue has");
            }
            if (++slot == size) {
                slot = 0;
                wrap = !wrap;
            }
            if ((flags & ChainWalker.NEXT) == 0) {
                // The id counts in the last descriptor of the list only (2.8.6).
                chain.finish(id, slots);
                nextAvail = slot;
                availWrap = wrap;
                if (log != null) {
                    log.taken(id);
                }
                return true;
            }
            // The driver made the first descriptor available last, so the rest of the list is there (2.8.21).
            flags = table.shortAt(16L * slot + 14);
        }
    }

    /** What was in flight comes from the log's copy: in the ring, completions may have taken its place. */
    private boolean nextAgain(PackedInflightLog log, DescriptorChain chain) {
        int head = again[nextAgain];
        int slots = log.slots(head);
        chain.begin();
        int entry = head;
        for (int i = 1; i <= slots; i++) {
            if (entry >= size || !take(chain, entry, log.flags(entry), log.address(entry), log.length(entry), i)) {
                return walker.fail("entry " + entry + " of " + size + ", noted as in flight, is no descriptor");
            }
            entry = log.next(entry);
        }
        chain.finish(log.id(head), slots);
        nextAgain++;
        return true;
    }

    private boolean take(DescriptorChain chain, int slot, int flags, long address, long length, int slots) {
        if ((flags & ChainWalker.INDIRECT) == 0) {
            return walker.append(chain, address, length, (flags & ChainWalker.WRITE) != 0);
        }
        if (!indirect) {
            return walker.fail("indirect descriptor " + slot + " although the feature was not negotiated");
        }
        if ((flags & ChainWalker.NEXT) != 0 || slots > 1) {
            return walker.fail("descriptor " + slot + " is indirect and part of a list");
        }
        return walker.indirectPacked(chain, address, length);
    }

    @Override
    public void undo(DescriptorChain chain) {
        PackedInflightLog log = inflight;
        if (log != null) {
            if (nextAgain > 0 && again[nextAgain - 1] == log.entry(chain.id())) {
                nextAgain--;
                return;
            }
            log.undone(chain.id());
        }
        nextAvail -= chain.slots();
        if (nextAvail < 0) {
            nextAvail += size;
            availWrap = !availWrap;
        }
    }

    @Override
    public void add(DescriptorChain chain, int written) {
        add(chain.id(), chain.slots(), written);
    }

    @Override
    public void add(int id, int slots, int written) {
        RingPart table = ring;
        if (table == null) {
            return;
        }
        table.setInt(16L * nextUsed + 8, written);
        table.setShort(16L * nextUsed + 12, id);
        int flags = (usedWrap ? AVAIL | USED : 0) | (written > 0 ? ChainWalker.WRITE : 0);
        if (heldSlot < 0) {
            heldSlot = nextUsed;
            heldFlags = flags;
        } else {
            // The driver looks at the first slot of the batch, which is still held back.
            table.setShortRelease(16L * nextUsed + 14, flags);
        }
        nextUsed += slots;
        if (nextUsed >= size) {
            nextUsed -= size;
            usedWrap = !usedWrap;
        }
        PackedInflightLog log = inflight;
        if (log != null) {
            log.used(id);
        }
    }

    @Override
    public boolean publish() {
        RingPart table = ring;
        RingPart driver = driverEvent;
        if (heldSlot < 0 || table == null || driver == null) {
            return false;
        }
        PackedInflightLog log = inflight;
        if (log != null) {
            log.publishing(nextUsed | (usedWrap ? 0x8000 : 0));
        }
        table.setShortRelease(16L * heldSlot + 14, heldFlags);
        table.markDirty();
        if (log != null) {
            log.published();
        }
        heldSlot = -1;
        int old = publishedUsed;
        boolean oldWrap = publishedWrap;
        boolean first = !publishedOnce;
        publishedUsed = nextUsed;
        publishedWrap = usedWrap;
        publishedOnce = true;
        VarHandle.fullFence();
        int wish = driver.intAt(0);
        int mode = wish >>> 16 & 3;
        if (mode == EVENT_DISABLE) {
            return false;
        }
        if (mode != EVENT_DESCRIPTOR || !eventIdx || first) {
            return true;
        }
        // Positions on a line where each lap is size long, so that "was it passed?" is one comparison.
        int event = wish & 0x7FFF;
        boolean eventWrap = (wish & 0x8000) != 0;
        int eventAt = eventWrap == usedWrap ? event : event - size;
        int from = oldWrap == usedWrap ? old : old - size;
        return eventAt >= from && eventAt < nextUsed;
    }

    @Override
    public void disableNotifications() {
        RingPart device = deviceEvent;
        if (device != null) {
            device.setShort(2, EVENT_DISABLE);
        }
    }

    @Override
    public boolean enableNotifications() {
        RingPart device = deviceEvent;
        RingPart table = ring;
        if (device == null || table == null || walker.fault() != null) {
            return false;
        }
        if (eventIdx) {
            device.setShort(0, nextAvail | (availWrap ? 0x8000 : 0));
            // The position must be there before the mode that makes it count.
            device.setShortRelease(2, EVENT_DESCRIPTOR);
        } else {
            device.setShort(2, EVENT_ENABLE);
        }
        device.markDirty();
        VarHandle.fullFence();
        return isAvailable(table.shortAcquire(16L * nextAvail + 14), availWrap);
    }

    @Override
    public QueueState save() {
        return new QueueState(nextAvail | (availWrap ? 0x8000 : 0), nextUsed | (usedWrap ? 0x8000 : 0),
                publishedUsed | (publishedWrap ? 0x8000 : 0), publishedOnce);
    }

    @Override
    public void restore(QueueState state) {
        nextAvail = position(state.nextAvail());
        availWrap = (state.nextAvail() & 0x8000) != 0;
        nextUsed = position(state.nextUsed());
        usedWrap = (state.nextUsed() & 0x8000) != 0;
        publishedUsed = position(state.signalled());
        publishedWrap = (state.signalled() & 0x8000) != 0;
        publishedOnce = state.signalKnown();
    }

    @Override
    public int base() {
        return nextAvail | (availWrap ? 0x8000 : 0) | (nextUsed | (usedWrap ? 0x8000 : 0)) << 16;
    }

    @Override
    public void resume(int base) {
        int at = base & 0xFFFF;
        restore(new QueueState(at, at, at, false));
    }

    @Override
    public boolean track(InflightLog log) {
        RingPart table = ring;
        if (!(log instanceof PackedInflightLog packed) || table == null || walker.fault() != null) {
            return false;
        }
        inflight = packed;
        if (!packed.recover(table, nextUsed | (usedWrap ? 0x8000 : 0))) {
            return true;
        }
        again = packed.inflight();
        int at = packed.usedPosition();
        restore(new QueueState(at, at, at, false));
        for (int head : again) {
            for (int i = packed.slots(head); i > 0; i--) {
                // What was written behind a first completion that never came: the driver would believe it now.
                table.setShortRelease(16L * nextAvail + 14, availWrap ? AVAIL : USED);
                if (++nextAvail == size) {
                    nextAvail = 0;
                    availWrap = !availWrap;
                }
            }
        }
        table.markDirty();
        return true;
    }

    /** A saved position is data like any other: one outside the ring is a fault, not an access outside it. */
    private int position(int saved) {
        int slot = saved & 0x7FFF;
        if (slot >= size) {
            walker.fail("saved position " + slot + " is outside a queue of " + size);
            return 0;
        }
        return slot;
    }
}
