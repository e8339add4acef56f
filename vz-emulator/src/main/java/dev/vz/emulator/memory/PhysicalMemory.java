package dev.vz.emulator.memory;

import dev.vz.error.ConfigurationException;
import dev.vz.memory.DirtyBitmap;
import dev.vz.memory.GuestMemory;
import dev.vz.memory.MemoryRegion;
import java.util.List;

/**
 * Where each guest-physical page lies in the host, and which pages hold decoded code. One for each machine; any thread.
 */
public final class PhysicalMemory {

    /** Bytes in a page. */
    public static final int PAGE = 4096;
    /** What of an address is not its offset in the page. */
    public static final long PAGE_MASK = -PAGE;

    private volatile Bank[] banks;
    private volatile boolean trackingWrites;

    /** One region with what is kept about its pages. */
    private static final class Bank {
        final MemoryRegion region;
        final long start;
        final long size;
        final long host;
        final boolean readOnly;
        final CodeMap code;
        final DirtyBitmap dirty;

        Bank(MemoryRegion region) {
            if (!region.segment().isNative()) {
                throw new ConfigurationException("The emulator needs native memory behind " + region
                        + ", found a heap segment; allocate it with a MemoryAllocator");
            }
            this.region = region;
            start = region.guestAddress();
            size = region.size();
            host = region.segment().address();
            readOnly = region.readOnly();
            code = new CodeMap(size / PAGE);
            dirty = new DirtyBitmap(size);
        }
    }

    /** The pages of {@code memory} as they are now; {@link #refresh} after regions came or went. */
    public PhysicalMemory(GuestMemory memory) {
        banks = memory.regions().stream().map(Bank::new).toArray(Bank[]::new);
    }

    /** Looks again at which regions there are. What is known of regions that stay is kept. */
    public synchronized void refresh(List<MemoryRegion> regions) {
        Bank[] old = banks;
        var next = new Bank[regions.size()];
        for (int i = 0; i < next.length; i++) {
            MemoryRegion region = regions.get(i);
            Bank found = null;
            for (Bank bank : old) {
                if (bank.region == region) {
                    found = bank;
                }
            }
            next[i] = found != null ? found : new Bank(region);
        }
        banks = next;
    }

    private static final int NONE = -1;

    private static int find(Bank[] banks, long gpa) {
        int low = 0;
        int high = banks.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            long offset = gpa - banks[middle].start;
            if (offset < 0) {
                high = middle - 1;
            } else if (offset >= banks[middle].size) {
                low = middle + 1;
            } else {
                return middle;
            }
        }
        return NONE;
    }

    /** The host address of the byte at {@code gpa}, valid to the end of its page; 0 where there is no memory. */
    public long host(long gpa) {
        Bank[] table = banks;
        int i = find(table, gpa);
        return i == NONE ? 0 : table[i].host + (gpa - table[i].start);
    }

    /** Whether the guest may write there: memory, and not read-only. */
    public boolean isWritable(long gpa) {
        Bank[] table = banks;
        int i = find(table, gpa);
        return i != NONE && !table[i].readOnly;
    }

    /** Eight bytes of a page table; all ones where there is no memory. {@code gpa} is a multiple of 8. */
    public long readLong(long gpa) {
        long host = host(gpa);
        return host == 0 ? -1 : HostMemory.readLong(host);
    }

    /** Four bytes of a page table; all ones where there is no memory. {@code gpa} is a multiple of 4. */
    public int readInt(long gpa) {
        long host = host(gpa);
        return host == 0 ? -1 : HostMemory.readInt(host);
    }

    // ---- decoded code

    /** The 64-byte pieces of the page of {@code gpa} that hold decoded code, one bit each; 0 for none. */
    public long code(long gpa) {
        Bank[] table = banks;
        int i = find(table, gpa);
        return i == NONE ? 0 : table[i].code.get(gpa - table[i].start);
    }

    /**
     * Adds pieces with decoded code.
     *
     * @return whether a processor may not know yet that the page has some: then the caller makes sure that all of them look
     *         at every write to it, and calls {@link #codeKnown}
     */
    public boolean addCode(long gpa, long pieces) {
        Bank[] table = banks;
        int i = find(table, gpa);
        return i != NONE && table[i].code.add(gpa - table[i].start, pieces);
    }

    /** Every processor looks at writes to the page of {@code gpa}, as {@link #addCode} asked. */
    public void codeKnown(long gpa) {
        Bank[] table = banks;
        int i = find(table, gpa);
        if (i != NONE) {
            table[i].code.known(gpa - table[i].start);
        }
    }

    /** How often pieces were added to the page of {@code gpa}. */
    public int codeAdditions(long gpa) {
        Bank[] table = banks;
        int i = find(table, gpa);
        return i == NONE ? 0 : table[i].code.additions(gpa - table[i].start);
    }

    /** Takes pieces away, of a machine with one processor. */
    public void removeCode(long gpa, long pieces) {
        Bank[] table = banks;
        int i = find(table, gpa);
        if (i != NONE) {
            table[i].code.remove(gpa - table[i].start, pieces);
        }
    }

    /** Takes pieces away that every processor has dropped, if none were added since {@link #codeAdditions} was asked. */
    public void removeCode(long gpa, long pieces, int additions) {
        Bank[] table = banks;
        int i = find(table, gpa);
        if (i != NONE) {
            table[i].code.remove(gpa - table[i].start, pieces, additions);
        }
    }

    /** The pieces that {@code bytes} bytes from {@code gpa}, all in one page, touch. */
    public static long pieces(long gpa, int bytes) {
        int first = (int) (gpa & PAGE - 1) >>> 6;
        int last = (int) (gpa & PAGE - 1) + bytes - 1 >>> 6;
        return -1L >>> 63 - (last - first) << first;
    }

    // ---- dirty tracking

    /** Whether writes of the guest have to be recorded. */
    public boolean isTrackingWrites() {
        return trackingWrites;
    }

    /** Starts or stops recording; the caller flushes every write TLB afterwards. */
    public void trackWrites(boolean on) {
        if (on && !trackingWrites) {
            for (Bank bank : banks) {
                bank.dirty.clear();
            }
        }
        trackingWrites = on;
    }

    /** Records a write of the guest to the page of {@code gpa}. */
    public void markDirty(long gpa) {
        Bank[] table = banks;
        int i = find(table, gpa);
        if (i != NONE) {
            table[i].dirty.mark(gpa - table[i].start, 1);
        }
    }

    /** Moves the recorded writes of {@code region} into {@code into}. */
    public void drainDirty(MemoryRegion region, DirtyBitmap into) {
        for (Bank bank : banks) {
            if (bank.region == region) {
                bank.dirty.drainInto(into);
            }
        }
    }
}
