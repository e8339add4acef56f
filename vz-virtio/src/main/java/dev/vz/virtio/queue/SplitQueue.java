package dev.vz.virtio.queue;

import dev.vz.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * A split virtqueue (virtio 1.3, 2.7).
 *
 * <p>
 * One acquire of {@code avail.idx} for a batch, one release of {@code used.idx} when it is published, one full fence
 * before the driver is asked whether it wants an interrupt.
 */
public final class SplitQueue implements Virtqueue {

    private static final int NO_INTERRUPT = 1;
    private static final int NO_NOTIFY = 1;
    private static final int RING = 4;

    private final QueueLayout layout;
    private final int size;
    private final int mask;
    private final boolean eventIdx;
    private final boolean indirect;
    private final ChainWalker walker;
    private final @Nullable RingPart descriptors;
    private final @Nullable RingPart avail;
    private final @Nullable RingPart used;

    /** Free-running 16-bit indices, as in the rings. */
    private int nextAvail;
    private int seenAvail;
    private int nextUsed;
    private int publishedUsed;
    private boolean publishedOnce;
    private @Nullable SplitInflightLog inflight;
    /** Heads to be given again before anything new. */
    private int[] again = {};
    private int nextAgain;

    SplitQueue(QueueLayout layout, GuestMemory memory) {
        this.layout = layout;
        this.size = layout.size();
        this.mask = size - 1;
        this.eventIdx = layout.features().eventIdx();
        this.indirect = layout.features().indirect();
        this.walker = new ChainWalker(memory, layout.maxSize());
        String fault = layout.fault();
        if (!fault.isEmpty()) {
            // An area that is not aligned cannot even be given back to: no part of it is touched.
            walker.fail(fault);
            descriptors = null;
            avail = null;
            used = null;
            return;
        }
        descriptors = RingPart.find(memory, layout.descriptorArea(), layout.descriptorBytes(), false);
        avail = RingPart.find(memory, layout.driverArea(), layout.driverBytes(), false);
        used = RingPart.find(memory, layout.deviceArea(), layout.deviceBytes(), true);
        if (descriptors == null || avail == null || used == null) {
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

    @Override
    public boolean next(DescriptorChain chain) {
        RingPart ring = avail;
        RingPart table = descriptors;
        if (walker.fault() != null || ring == null || table == null) {
            return false;
        }
        if (nextAgain < again.length) {
            int head = again[nextAgain];
            chain.begin();
            if (head >= size || !walk(table, head, chain)) {
                return walker.fail("descriptor " + head + " of " + size + ", noted as in flight, is no chain");
            }
            chain.finish(head, 1);
            nextAgain++;
            return true;
        }
        if (nextAvail == seenAvail) {
            int idx = ring.shortAcquire(2);
            if ((idx - nextAvail & 0xFFFF) > size) {
                return walker.fail("avail.idx " + idx + " is more than " + size + " ahead of " + nextAvail);
            }
            if (idx == nextAvail) {
                return false;
            }
            seenAvail = idx;
        }
        int head = ring.shortAt(RING + 2L * (nextAvail & mask));
        if (head >= size) {
            return walker.fail("avail ring names descriptor " + head + " of " + size);
        }
        chain.begin();
        if (!walk(table, head, chain)) {
            return false;
        }
        chain.finish(head, 1);
        nextAvail = nextAvail + 1 & 0xFFFF;
        SplitInflightLog log = inflight;
        if (log != null) {
            log.taken(head);
        }
        return true;
    }

    private boolean walk(RingPart table, int head, DescriptorChain chain) {
        int index = head;
        for (int taken = 0; taken < size; taken++) {
            long address = table.longAt(16L * index);
            // Length, flags and next in one load: each field is read once.
            long rest = table.longAt(16L * index + 8);
            long length = rest & 0xFFFF_FFFFL;
            int flags = (int) (rest >>> 32) & 0xFFFF;
            if ((flags & ChainWalker.INDIRECT) != 0) {
                if (!indirect) {
                    return walker.fail("indirect descriptor " + index + " although the feature was not negotiated");
                }
                if ((flags & ChainWalker.NEXT) != 0) {
                    return walker.fail("descriptor " + index + " is indirect and has a next");
                }
                return walker.indirectSplit(chain, address, length);
            }
            if (!walker.append(chain, address, length, (flags & ChainWalker.WRITE) != 0)) {
                return false;
            }
            if ((flags & ChainWalker.NEXT) == 0) {
                return true;
            }
            index = (int) (rest >>> 48);
            if (index >= size) {
                return walker.fail("descriptor names next " + index + " of " + size);
            }
        }
        return walker.fail("descriptor chain at " + head + " is longer than the queue: it loops");
    }

    @Override
    public void undo(DescriptorChain chain) {
        if (nextAgain > 0 && nextAgain <= again.length && again[nextAgain - 1] == chain.id()
                && nextAvail == seenAvail) {
            nextAgain--;
            return;
        }
        nextAvail = nextAvail - 1 & 0xFFFF;
        SplitInflightLog log = inflight;
        if (log != null) {
            log.undone(chain.id());
        }
    }

    @Override
    public void add(DescriptorChain chain, int written) {
        add(chain.id(), 1, written);
    }

    @Override
    public void add(int id, int slots, int written) {
        RingPart ring = used;
        if (ring == null) {
            return;
        }
        long at = RING + 8L * (nextUsed & mask);
        ring.setInt(at, id);
        ring.setInt(at + 4, written);
        nextUsed = nextUsed + 1 & 0xFFFF;
        SplitInflightLog log = inflight;
        if (log != null) {
            log.used(id);
        }
    }

    @Override
    public boolean publish() {
        RingPart ring = used;
        RingPart driver = avail;
        if (ring == null || driver == null || nextUsed == publishedUsed && publishedOnce) {
            return false;
        }
        int old = publishedUsed;
        boolean first = !publishedOnce;
        if (first && nextUsed == old) {
            return false;
        }
        ring.setShortRelease(2, nextUsed);
        ring.markDirty();
        SplitInflightLog log = inflight;
        if (log != null) {
            log.published(nextUsed);
        }
        publishedUsed = nextUsed;
        publishedOnce = true;
        // The index must be visible before the driver's wish is read, or both sides wait (2.7.7.2).
        VarHandle.fullFence();
        if (!eventIdx) {
            return (driver.shortAt(0) & NO_INTERRUPT) == 0;
        }
        int event = driver.shortAt(RING + 2L * size);
        return first || (nextUsed - event - 1 & 0xFFFF) < (nextUsed - old & 0xFFFF);
    }

    @Override
    public void disableNotifications() {
        RingPart ring = used;
        if (ring != null && !eventIdx) {
            ring.setShort(0, NO_NOTIFY);
        }
    }

    @Override
    public boolean enableNotifications() {
        RingPart ring = used;
        RingPart driver = avail;
        if (ring == null || driver == null || walker.fault() != null) {
            return false;
        }
        if (eventIdx) {
            ring.setShort(RING + 8L * size, nextAvail);
        } else {
            ring.setShort(0, 0);
        }
        ring.markDirty();
        VarHandle.fullFence();
        return driver.shortAcquire(2) != nextAvail;
    }

    @Override
    public QueueState save() {
        return new QueueState(nextAvail, nextUsed, publishedUsed, publishedOnce);
    }

    @Override
    public void restore(QueueState state) {
        nextAvail = state.nextAvail() & 0xFFFF;
        seenAvail = nextAvail;
        nextUsed = state.nextUsed() & 0xFFFF;
        publishedUsed = state.signalled() & 0xFFFF;
        publishedOnce = state.signalKnown();
    }

    @Override
    public int base() {
        return nextAvail;
    }

    @Override
    public void resume(int base) {
        RingPart ring = used;
        int position = base & 0xFFFF;
        int written = ring == null ? position : ring.shortAcquire(2);
        restore(new QueueState(position, written, written, false));
    }

    @Override
    public boolean track(InflightLog log) {
        if (!(log instanceof SplitInflightLog split)) {
            return false;
        }
        inflight = split;
        again = split.recover(nextUsed);
        nextAgain = 0;
        if (again.length > 0 || split.isOld()) {
            nextAvail = nextUsed + again.length & 0xFFFF;
            seenAvail = nextAvail;
        }
        return true;
    }
}
