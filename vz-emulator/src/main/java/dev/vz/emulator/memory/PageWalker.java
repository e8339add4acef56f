package dev.vz.emulator.memory;

import dev.vz.emulator.fault.Fault;

/**
 * Translates linear addresses through the guest's page tables, as Intel SDM volume 3A chapter 4 says: 32-bit, PAE and
 * four-level paging; accessed and dirty bits; execute-disable; write protection; supervisor-mode access and execution
 * prevention; 4 KiB, 2 MiB, 4 MiB and 1 GiB pages.
 *
 * <p>
 * The fields {@link #large}, {@link #global}, {@link #writable}, {@link #user} and {@link #dirty} describe the last
 * translation that succeeded. Belongs to one virtual CPU.
 */
public final class PageWalker {

    /** Kind of access: data is read. */
    public static final int READ = 0;
    /** Kind of access: data is written. */
    public static final int WRITE = 1;
    /** Kind of access: an instruction is fetched. */
    public static final int FETCH = 2;

    private static final long PRESENT = 1;
    private static final long WRITABLE = 2;
    private static final long USER = 4;
    private static final long ACCESSED = 0x20;
    private static final long DIRTY = 0x40;
    private static final long PAGE_SIZE = 0x80;
    private static final long GLOBAL = 0x100;
    private static final long NO_EXECUTE = 1L << 63;

    private static final int ERROR_PRESENT = 1;
    private static final int ERROR_WRITE = 2;
    private static final int ERROR_USER = 4;
    private static final int ERROR_RESERVED = 8;
    private static final int ERROR_FETCH = 16;
    private static final int ERROR_KEY = 32;

    private final PhysicalMemory memory;
    private final Fault fault;
    private final DeviceAccess devices;

    /** CR0.PG. */
    public boolean paging;
    /** CR4.PAE. */
    public boolean pae;
    /** EFER.LMA. */
    public boolean longMode;
    /** CR4.PSE. */
    public boolean pse;
    /** CR4.PGE. */
    public boolean pge;
    /** CR0.WP. */
    public boolean writeProtect;
    /** EFER.NXE. */
    public boolean noExecute;
    /** CR4.SMEP. */
    public boolean smep;
    /** CR4.SMAP. */
    public boolean smap;
    /** The rights of protection keys for pages of user mode, as in PKRU; 0 if they are off. */
    public int userKeys;
    /** The rights of protection keys for pages of supervisor mode, as in IA32_PKRS; 0 if they are off. */
    public int supervisorKeys;
    /** EFLAGS.AC, which lifts SMAP for explicit accesses. */
    public boolean alignmentFlag;
    /** Whether 1 GiB pages are announced. */
    public boolean gigabytePages;
    /** CR3. */
    public long cr3;
    /** The four page-directory-pointer entries of PAE paging, loaded with CR3. */
    public final long[] pdpte = new long[4];

    /** Whether the page is larger than 4 KiB. */
    public boolean large;
    /** Whether it stays in the TLB over a change of CR3. */
    public boolean global;
    /** Whether the entries of all levels allow writing. */
    public boolean writable;
    /** Whether the entries of all levels are for user mode. */
    public boolean user;
    /** Whether the dirty bit is set now. */
    public boolean dirty;

    private long reserved;

    /** Makes a walker over {@code memory} that throws {@code fault} and tells {@code devices} what it writes over code. */
    public PageWalker(PhysicalMemory memory, Fault fault, DeviceAccess devices) {
        this.memory = memory;
        this.fault = fault;
        this.devices = devices;
        setPhysicalBits(40);
    }

    /** Sets MAXPHYADDR: address bits above it are reserved in every entry. */
    public void setPhysicalBits(int bits) {
        reserved = (1L << 52) - (1L << bits);
    }

    /** MAXPHYADDR. */
    public int physicalBits() {
        return Long.numberOfTrailingZeros(reserved);
    }

    /**
     * The guest-physical address of {@code linear}.
     *
     * @param linear canonical in long mode, below 2^32 otherwise
     * @param access {@link #READ}, {@link #WRITE} or {@link #FETCH}
     * @param userMode whether the access is one of user mode
     * @throws Fault a page fault
     */
    public long translate(long linear, int access, boolean userMode) {
        if (!paging) {
            large = true;
            global = false;
            writable = true;
            user = true;
            dirty = true;
            return linear;
        }
        return pae ? walk(linear, access, userMode) : walk32(linear, access, userMode);
    }

    private long walk(long linear, int access, boolean userMode) {
        long mask = reserved | (noExecute ? 0 : NO_EXECUTE);
        long permissions = WRITABLE | USER;
        long forbidden = 0;
        long entry;
        int shift;
        if (longMode) {
            entry = cr3 & ~0xFFFL;
            shift = 39;
        } else {
            entry = pdpte[(int) (linear >>> 30) & 3];
            if ((entry & PRESENT) == 0) {
                throw fail(linear, access, userMode, 0);
            }
            shift = 21;
        }
        while (true) {
            long address = (entry & 0x000F_FFFF_FFFF_F000L) + (linear >>> shift - 3 & 0xFF8);
            entry = memory.readLong(address);
            if ((entry & PRESENT) == 0) {
                throw fail(linear, access, userMode, 0);
            }
            boolean leaf = shift == 12 || (entry & PAGE_SIZE) != 0;
            long bad = mask;
            if (leaf && shift > 12) {
                bad |= shift == 39 || shift == 30 && !gigabytePages ? PAGE_SIZE : (1L << shift) - (1L << 13);
            }
            if (!longMode) {
                bad |= 0x7FF0_0000_0000_0000L;
            }
            if ((entry & bad) != 0) {
                throw fail(linear, access, userMode, ERROR_PRESENT | ERROR_RESERVED);
            }
            permissions &= entry;
            forbidden |= entry;
            if (leaf) {
                int keyError = access == FETCH || !longMode ? 0
                        : keyError((int) (entry >>> 59) & 15, permissions, access == WRITE, userMode);
                check(linear, access, userMode, permissions, (forbidden & NO_EXECUTE) != 0, keyError);
                mark(address, entry, access == WRITE ? ACCESSED | DIRTY : ACCESSED, true);
                large = shift > 12;
                global = pge && (entry & GLOBAL) != 0;
                dirty = access == WRITE || (entry & DIRTY) != 0;
                long offset = (1L << shift) - 1;
                return entry & 0x000F_FFFF_FFFF_F000L & ~offset | linear & offset;
            }
            mark(address, entry, ACCESSED, true);
            shift -= 9;
        }
    }

    private long walk32(long linear, int access, boolean userMode) {
        long address = (cr3 & 0xFFFF_F000L) + (linear >>> 20 & 0xFFC);
        long entry = memory.readInt(address) & 0xFFFF_FFFFL;
        if ((entry & PRESENT) == 0) {
            throw fail(linear, access, userMode, 0);
        }
        long permissions = entry;
        if (pse && (entry & PAGE_SIZE) != 0) {
            // PSE-36: bits 13 to 20 are address bits 32 to 39, as far as MAXPHYADDR goes; bit 21 is reserved.
            int high = (int) (entry >>> 13) & 0xFF;
            if ((entry & 1 << 21) != 0 || ((long) high << 32 & reserved) != 0) {
                throw fail(linear, access, userMode, ERROR_PRESENT | ERROR_RESERVED);
            }
            check(linear, access, userMode, permissions, false, 0);
            mark(address, entry, access == WRITE ? ACCESSED | DIRTY : ACCESSED, false);
            large = true;
            global = pge && (entry & GLOBAL) != 0;
            dirty = access == WRITE || (entry & DIRTY) != 0;
            return (long) high << 32 | entry & 0xFFC0_0000L | linear & 0x3F_FFFF;
        }
        mark(address, entry, ACCESSED, false);
        address = (entry & 0xFFFF_F000L) + (linear >>> 10 & 0xFFC);
        entry = memory.readInt(address) & 0xFFFF_FFFFL;
        if ((entry & PRESENT) == 0) {
            throw fail(linear, access, userMode, 0);
        }
        permissions &= entry;
        check(linear, access, userMode, permissions, false, 0);
        mark(address, entry, access == WRITE ? ACCESSED | DIRTY : ACCESSED, false);
        large = false;
        global = pge && (entry & GLOBAL) != 0;
        dirty = access == WRITE || (entry & DIRTY) != 0;
        return entry & 0xFFFF_F000L | linear & 0xFFF;
    }

    /** What a page's protection key adds to the error code of a data access: 0 if it allows it (Intel SDM 3A, 4.6.2). */
    private int keyError(int key, long permissions, boolean write, boolean userMode) {
        int rights = ((permissions & USER) != 0 ? userKeys : userMode ? 0 : supervisorKeys) >>> 2 * key;
        return (rights & 1) != 0 || (rights & 2) != 0 && write && (userMode || writeProtect) ? ERROR_KEY : 0;
    }

    private void check(long linear, int access, boolean userMode, long permissions, boolean noExecuteSet,
            int keyError) {
        writable = (permissions & WRITABLE) != 0;
        user = (permissions & USER) != 0;
        boolean allowed;
        if (userMode) {
            allowed = user && (access != WRITE || writable) && (access != FETCH || !noExecuteSet);
        } else if (access == FETCH) {
            allowed = !noExecuteSet && !(smep && user);
        } else {
            allowed = (access != WRITE || writable || !writeProtect) && !(smap && user && !alignmentFlag);
        }
        if (!allowed || keyError != 0) {
            throw fail(linear, access, userMode, ERROR_PRESENT | keyError);
        }
    }

    /** Sets accessed and dirty bits with a locked operation, so that no change by another processor is lost. */
    private void mark(long address, long entry, long bits, boolean wide) {
        if ((entry & bits) == bits || !memory.isWritable(address)) {
            return;
        }
        long host = memory.host(address);
        if (memory.isTrackingWrites()) {
            memory.markDirty(address);
        }
        if (wide) {
            long old = entry;
            while (!HostMemory.compareAndSetLong(host, old, old | bits)) {
                old = HostMemory.readLong(host);
                if ((old & PRESENT) == 0) {
                    return; // taken away meanwhile: the translation in hand is the one from before
                }
            }
        } else {
            int old = (int) entry;
            while (!HostMemory.compareAndSetInt(host, old, old | (int) bits)) {
                old = HostMemory.readInt(host);
                if ((old & PRESENT) == 0) {
                    return;
                }
            }
        }
        if (memory.code(address) != 0) {
            devices.tableWritten(address, wide ? 8 : 4);
        }
    }

    private Fault fail(long linear, int access, boolean userMode, int code) {
        int error = code | (access == WRITE ? ERROR_WRITE : 0) | (userMode ? ERROR_USER : 0)
                | (access == FETCH && (noExecute && pae || smep) ? ERROR_FETCH : 0);
        return fault.page(linear, error);
    }

    /**
     * Loads the page-directory-pointer entries of PAE paging.
     *
     * @return {@code false} if a present entry has reserved bits set, which is a general protection fault; then nothing
     *         has changed
     */
    public boolean loadPdptes(long newCr3) {
        long base = newCr3 & 0xFFFF_FFE0L;
        for (int i = 0; i < 4; i++) {
            long entry = memory.readLong(base + 8L * i);
            if ((entry & PRESENT) != 0 && (entry & (reserved | 0xFFF0_0000_0000_01E6L)) != 0) {
                return false;
            }
        }
        for (int i = 0; i < 4; i++) {
            pdpte[i] = memory.readLong(base + 8L * i);
        }
        return true;
    }
}
