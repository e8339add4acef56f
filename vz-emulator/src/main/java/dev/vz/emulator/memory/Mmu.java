package dev.vz.emulator.memory;

import dev.vz.emulator.fault.Fault;

/**
 * The slow ways of memory accesses by linear address, and the TLBs that the fast ways use. Belongs to one virtual CPU.
 *
 * <p>
 * An access that crosses a page is checked on both pages before any byte moves, so that a fault changes nothing. Page
 * tables are read through {@link PageWalker}; a translation stays in the TLBs until the guest flushes it, as on a
 * processor.
 */
public final class Mmu {

    /** Where the guest's physical pages are. */
    public final PhysicalMemory memory;
    /** The guest's page tables. */
    public final PageWalker walker;

    /** TLB for loads in supervisor mode. */
    public final Tlb supervisorRead = new Tlb();
    /** TLB for stores in supervisor mode. */
    public final Tlb supervisorWrite = new Tlb();
    /** TLB for loads in user mode. */
    public final Tlb userRead = new Tlb();
    /** TLB for stores in user mode. */
    public final Tlb userWrite = new Tlb();
    private final Tlb supervisorFetch = new Tlb();
    private final Tlb userFetch = new Tlb();
    private final long[] supervisorFetchPhysical = new long[Tlb.PAGES];
    private final long[] userFetchPhysical = new long[Tlb.PAGES];

    private final Fault fault;
    private final DeviceAccess devices;

    /** Whether a linear address must be canonical: in long mode. */
    public boolean wide;
    /** Whether addresses of the program wrap at 4 GiB: outside 64-bit code. */
    public boolean narrow;
    /** Whether nothing may be entered in the data TLBs, because every access must be looked at. */
    public boolean watching;
    /** Called before each access while {@link #watching}. */
    public final AccessWatch watch;
    /** The page of the local APIC's registers, which hides memory; -1 for none. */
    public long apicPage = -1;
    private final CodeEpoch userCode = new CodeEpoch();
    private final CodeEpoch supervisorCode = new CodeEpoch();

    private static final long NOWHERE = -1;
    /** Where the write that is being made goes, if decoded code is in the same page. */
    private long besideCode = NOWHERE;

    /** Where large pages were entered since the last complete flush: flushing one page there flushes everything. */
    private final LargePages largePages = new LargePages();

    /** Looks at data accesses while breakpoints or alignment checks are on. */
    public interface AccessWatch {
        /** Sees an access before it happens; may throw a fault. */
        void access(long linear, int size, boolean write, boolean userMode);
    }

    /** Makes the memory management unit of one virtual CPU. */
    public Mmu(PhysicalMemory memory, Fault fault, DeviceAccess devices, AccessWatch watch) {
        this.memory = memory;
        this.fault = fault;
        this.devices = devices;
        this.watch = watch;
        walker = new PageWalker(memory, fault, devices);
    }

    // ---- translation

    private void checkCanonical(long linear) {
        if (wide && linear << 16 >> 16 != linear) {
            throw fault.notCanonical();
        }
    }

    private long wrap(long linear) {
        return narrow ? linear & 0xFFFF_FFFFL : linear;
    }

    private long translate(long linear, int access, boolean userMode) {
        checkCanonical(linear);
        return walker.translate(linear, access, userMode);
    }

    private long hostOf(long gpa) {
        return (gpa & PhysicalMemory.PAGE_MASK) == apicPage ? 0 : memory.host(gpa);
    }

    private void enter(Tlb tlb, long linear, long host) {
        if (watching) {
            return;
        }
        noteLargePage(linear);
        tlb.fill(linear, host, walker.global);
    }

    private void noteLargePage(long linear) {
        if (walker.large) {
            largePages.add(linear);
        }
    }

    /**
     * The guest-physical address of {@code linear} as an explicit look-up sees it, or -1 if it faults. Sets no bits in
     * page tables that a read would not set, and enters nothing.
     */
    public long probe(long linear) {
        try {
            return translate(linear, PageWalker.READ, false);
        } catch (Fault e) {
            return -1;
        }
    }

    /**
     * The host address of the code byte at {@code linear}; what follows up to the end of the page is there too.
     *
     * @return 0 if there is no memory at {@link #fetchAddress}
     */
    public long fetch(long linear, boolean userMode) {
        CodeEpoch epoch = userMode ? userCode : supervisorCode;
        epoch.fetched(linear);
        Tlb tlb = userMode ? userFetch : supervisorFetch;
        long[] physical = userMode ? userFetchPhysical : supervisorFetchPhysical;
        int slot = Tlb.index(linear) >> 1;
        long host = tlb.host(linear, 1);
        if (host != 0) {
            fetchAddress = physical[slot] | linear & PhysicalMemory.PAGE - 1;
            return host;
        }
        long gpa = translate(linear, PageWalker.FETCH, userMode);
        fetchAddress = gpa;
        host = hostOf(gpa);
        if (host != 0) {
            noteLargePage(linear);
            tlb.fill(linear, host, walker.global);
            if (!walker.global) {
                epoch.fetchedLocal();
            }
            physical[slot] = gpa & PhysicalMemory.PAGE_MASK;
        }
        return host;
    }

    /** The guest-physical address that the last {@link #fetch} found. */
    public long fetchAddress = -1;

    // ---- data, slow

    /** Reads 1, 2, 4 or 8 bytes, zero-extended. */
    public long read(long linear, int size, boolean userMode) {
        if (watching) {
            checkCanonical(linear);
            watch.access(linear, size, false, userMode);
        }
        if (crosses(linear, size)) {
            translate(linear, PageWalker.READ, userMode);
            translate(wrap(linear + size - 1 & PhysicalMemory.PAGE_MASK), PageWalker.READ, userMode);
            long value = 0;
            for (int i = 0; i < size; i++) {
                value |= readInPage(wrap(linear + i), 1, userMode) << 8 * i;
            }
            return value;
        }
        return readInPage(linear, size, userMode);
    }

    private static boolean crosses(long linear, int size) {
        return (int) (linear & PhysicalMemory.PAGE - 1) + size > PhysicalMemory.PAGE;
    }

    private long readInPage(long linear, int size, boolean userMode) {
        long gpa = translate(linear, PageWalker.READ, userMode);
        long host = hostOf(gpa);
        if (host == 0) {
            return devices.deviceRead(gpa, size);
        }
        enter(userMode ? userRead : supervisorRead, linear, host);
        return load(host, size);
    }

    private static long load(long host, int size) {
        return switch (size) {
            case 1 -> HostMemory.readByte(host);
            case 2 -> HostMemory.readShort(host);
            case 4 -> HostMemory.readInt(host) & 0xFFFF_FFFFL;
            default -> HostMemory.readLong(host);
        };
    }

    /** Writes 1, 2, 4 or 8 bytes. */
    public void write(long linear, int size, long value, boolean userMode) {
        if (watching) {
            checkCanonical(linear);
            watch.access(linear, size, true, userMode);
        }
        if (crosses(linear, size)) {
            checkWrite(linear, size, userMode);
            for (int i = 0; i < size; i++) {
                writeInPage(wrap(linear + i), 1, value >>> 8 * i, userMode);
            }
            return;
        }
        writeInPage(linear, size, value, userMode);
    }

    private void writeInPage(long linear, int size, long value, boolean userMode) {
        long gpa = translate(linear, PageWalker.WRITE, userMode);
        long host = writableHost(linear, gpa, size, userMode);
        if (host == 0) {
            devices.deviceWrite(gpa, size, value & -1L >>> 64 - 8 * size);
            return;
        }
        switch (size) {
            case 1 -> HostMemory.writeByte(host, (int) value);
            case 2 -> HostMemory.writeShort(host, (int) value);
            case 4 -> HostMemory.writeInt(host, (int) value);
            default -> HostMemory.writeLong(host, value);
        }
        wrote(size);
    }

    /**
     * To be called right after the guest's {@code size} bytes were stored at the {@link #lockedHost} that was given last,
     * before anything else of the guest is executed.
     */
    public void wrote(int size) {
        if (besideCode != NOWHERE) {
            devices.codeWritten(besideCode, size);
        }
    }

    /**
     * Where the bytes are, after everything was told of the write; 0 if it is a device's. What is stored there has to be
     * followed by {@link #wrote}.
     */
    private long writableHost(long linear, long gpa, int size, boolean userMode) {
        long host = hostOf(gpa);
        if (host == 0 || !memory.isWritable(gpa)) {
            return 0;
        }
        if (memory.isTrackingWrites()) {
            memory.markDirty(gpa);
        }
        long code = memory.code(gpa);
        if (code == 0) {
            besideCode = NOWHERE;
            enter(userMode ? userWrite : supervisorWrite, linear, host);
        } else {
            besideCode = gpa;
            announce(code, gpa, size);
        }
        return host;
    }

    /** Faults if {@code size} bytes (up to a page) at {@code linear} could not be written; writes nothing. */
    public void checkWrite(long linear, int size, boolean userMode) {
        long first = translate(linear, PageWalker.WRITE, userMode);
        if (!crosses(linear, size)) {
            announce(first, size);
            return;
        }
        long next = wrap(linear + size - 1 & PhysicalMemory.PAGE_MASK);
        long second = translate(next, PageWalker.WRITE, userMode);
        int here = PhysicalMemory.PAGE - (int) (linear & PhysicalMemory.PAGE - 1);
        announce(first, here);
        announce(second, size - here);
    }

    /** Has this processor's decoded code dropped before a write of several pieces begins, while nothing has changed yet. */
    private void announce(long gpa, int size) {
        announce(memory.code(gpa), gpa, size);
    }

    private void announce(long code, long gpa, int size) {
        if (code != 0 && (code & PhysicalMemory.pieces(gpa, size)) != 0) {
            devices.codeWrite(gpa, size);
        }
    }

    /** Faults if {@code size} bytes (up to a page) at {@code linear} could not be read. */
    public void checkRead(long linear, int size, boolean userMode) {
        translate(linear, PageWalker.READ, userMode);
        if (crosses(linear, size)) {
            translate(wrap(linear + size - 1 & PhysicalMemory.PAGE_MASK), PageWalker.READ, userMode);
        }
    }

    /** Reads what the instruction will write to the same place: faults as the write would. */
    public long readForWrite(long linear, int size, boolean userMode) {
        if (watching) {
            checkCanonical(linear);
            watch.access(linear, size, true, userMode);
        }
        if (crosses(linear, size)) {
            checkWrite(linear, size, userMode);
            return read(linear, size, userMode);
        }
        long gpa = translate(linear, PageWalker.WRITE, userMode);
        long host = writableHost(linear, gpa, size, userMode);
        if (host == 0) {
            host = hostOf(gpa);
            return host == 0 ? devices.deviceRead(gpa, size) : load(host, size);
        }
        return load(host, size);
    }

    /**
     * The host address for a locked operation on {@code size} bytes at {@code linear}, with everything checked and told
     * that a write needs. {@link #wrote} has to follow the operation.
     *
     * @return 0 if it crosses a page or is not memory: then the caller reads and writes under the machine's bus lock
     */
    public long lockedHost(long linear, int size, boolean userMode) {
        if (watching) {
            checkCanonical(linear);
            watch.access(linear, size, true, userMode);
        }
        if (crosses(linear, size)) {
            checkWrite(linear, size, userMode);
            return 0;
        }
        return writableHost(linear, translate(linear, PageWalker.WRITE, userMode), size, userMode);
    }

    // ---- flushing

    /** Forgets all translations. */
    public void flushAll() {
        supervisorRead.flush();
        supervisorWrite.flush();
        userRead.flush();
        userWrite.flush();
        supervisorFetch.flush();
        userFetch.flush();
        largePages.clear();
        userCode.next();
        supervisorCode.next();
    }

    /** Forgets the translations that are not global: CR3 was written. */
    public void flushLocal() {
        supervisorRead.flushLocal();
        supervisorWrite.flushLocal();
        userRead.flushLocal();
        userWrite.flushLocal();
        supervisorFetch.flushLocal();
        userFetch.flushLocal();
        userCode.flushLocal();
        supervisorCode.flushLocal();
    }

    /** Forgets the page of {@code linear}: INVLPG. */
    public void flushPage(long linear) {
        if (largePages.isNear(linear)) {
            flushAll();
            return;
        }
        supervisorRead.flushPage(linear);
        supervisorWrite.flushPage(linear);
        userRead.flushPage(linear);
        userWrite.flushPage(linear);
        supervisorFetch.flushPage(linear);
        userFetch.flushPage(linear);
        userCode.flushPage(linear);
        supervisorCode.flushPage(linear);
    }

    /**
     * Counts the events after which a linear code address may mean other bytes than before, at that privilege: what was
     * decoded under another number has to be looked up again. For a kernel whose code lies in global pages a change of CR3
     * is no such event.
     */
    public long codeEpoch(boolean userMode) {
        return (userMode ? userCode : supervisorCode).number();
    }

    /** Has every write be looked at again: a page was found to hold code, or recording of writes began. */
    public void flushWrites() {
        supervisorWrite.flush();
        userWrite.flush();
    }

    /** Has every write to the page at {@code host} be looked at again: it holds code now. */
    public void flushWrites(long host) {
        supervisorWrite.flushHost(host);
        userWrite.flushHost(host);
    }
}
