package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Segments.*;

import dev.vz.emulator.memory.PageWalker;
import java.util.HashMap;
import java.util.Map;

/** Derives from control registers, segments and flags what the fast ways look at. */
public final class Modes {

    /** CR0: protection enable. */
    public static final long CR0_PE = 1;
    /** CR0: monitor coprocessor. */
    public static final long CR0_MP = 2;
    /** CR0: emulate the coprocessor. */
    public static final long CR0_EM = 4;
    /** CR0: task switched. */
    public static final long CR0_TS = 8;
    /** CR0: extension type. */
    public static final long CR0_ET = 0x10;
    /** CR0: numeric errors are exceptions. */
    public static final long CR0_NE = 0x20;
    /** CR0: the supervisor heeds write protection. */
    public static final long CR0_WP = 0x1_0000;
    /** CR0: alignment checks are possible. */
    public static final long CR0_AM = 0x4_0000;
    /** CR0: not write-through. */
    public static final long CR0_NW = 0x2000_0000;
    /** CR0: cache disable. */
    public static final long CR0_CD = 0x4000_0000;
    /** CR0: paging. */
    public static final long CR0_PG = 0x8000_0000L;

    /** CR4: virtual-8086 extensions. */
    public static final long CR4_VME = 1;
    /** CR4: protected-mode virtual interrupts. */
    public static final long CR4_PVI = 2;
    /** CR4: RDTSC is privileged. */
    public static final long CR4_TSD = 4;
    /** CR4: debugging extensions. */
    public static final long CR4_DE = 8;
    /** CR4: page size extensions. */
    public static final long CR4_PSE = 0x10;
    /** CR4: physical address extension. */
    public static final long CR4_PAE = 0x20;
    /** CR4: machine check. */
    public static final long CR4_MCE = 0x40;
    /** CR4: global pages. */
    public static final long CR4_PGE = 0x80;
    /** CR4: performance counters for user mode. */
    public static final long CR4_PCE = 0x100;
    /** CR4: SSE. */
    public static final long CR4_OSFXSR = 0x200;
    /** CR4: unmasked SIMD exceptions. */
    public static final long CR4_OSXMMEXCPT = 0x400;
    /** CR4: user-mode instruction prevention. */
    public static final long CR4_UMIP = 0x800;
    /** CR4: RDFSBASE and its kin. */
    public static final long CR4_FSGSBASE = 0x1_0000;
    /** CR4: XSAVE. */
    public static final long CR4_OSXSAVE = 0x4_0000;
    /** CR4: supervisor-mode execution prevention. */
    public static final long CR4_SMEP = 0x10_0000;
    /** CR4: supervisor-mode access prevention. */
    public static final long CR4_SMAP = 0x20_0000;

    /** EFER: SYSCALL. */
    public static final long EFER_SCE = 1;
    /** EFER: long mode enable. */
    public static final long EFER_LME = 0x100;
    /** EFER: long mode active. */
    public static final long EFER_LMA = 0x400;
    /** EFER: no-execute. */
    public static final long EFER_NXE = 0x800;
    /** EFER: automatic IBRS. */
    public static final long EFER_AUTOIBRS = 0x20_0000;

    /** CR4: protection keys for pages of user mode. */
    public static final long CR4_PKE = 0x40_0000;
    /** CR4: protection keys for pages of supervisor mode. */
    public static final long CR4_PKS = 0x100_0000;

    private static final int MOST_CODE_SEGMENTS = 4000;

    private Modes() {}

    /** To be called when CR0, CR3, CR4 or EFER have changed. */
    public static void control(Cpu c) {
        PageWalker walker = c.mmu.walker;
        walker.paging = (c.cr0 & CR0_PG) != 0;
        walker.writeProtect = (c.cr0 & CR0_WP) != 0;
        walker.pae = (c.cr4 & CR4_PAE) != 0;
        walker.pse = (c.cr4 & CR4_PSE) != 0;
        walker.pge = (c.cr4 & CR4_PGE) != 0;
        walker.smep = (c.cr4 & CR4_SMEP) != 0;
        walker.smap = (c.cr4 & CR4_SMAP) != 0;
        walker.noExecute = (c.efer & EFER_NXE) != 0;
        walker.longMode = (c.efer & EFER_LMA) != 0;
        walker.cr3 = c.cr3;
        walker.userKeys = (c.cr4 & CR4_PKE) != 0 ? c.pkru : 0;
        walker.supervisorKeys = (c.cr4 & CR4_PKS) != 0 ? c.msrs.pkrs : 0;
        VectorUnit.update(c);
        c.longMode = (c.efer & EFER_LMA) != 0;
        c.mmu.wide = c.longMode;
        segments(c);
    }

    /** To be called when the rights of protection keys have changed. */
    public static void keys(Cpu c) {
        c.mmu.flushAll();
        control(c);
    }

    /** To be called when CS, SS, another segment, the privilege level or EFLAGS.VM has changed. */
    public static void segments(Cpu c) {
        c.protectedMode = (c.cr0 & CR0_PE) != 0 && (c.flags & Flags.VM) == 0;
        int code = c.segmentAttributes[CS];
        c.codeSize = c.longMode && (code & L) != 0 ? 64 : (code & D) != 0 ? 32 : 16;
        c.stackMask = c.codeSize == 64 ? -1L : (c.segmentAttributes[SS] & D) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
        c.mmu.narrow = c.codeSize != 64;
        for (int i = ES; i <= GS; i++) {
            c.segmentFlat[i] = flat(c, i);
        }
        privilege(c);
    }

    /** To be called when only the privilege level has changed, between 64-bit segments. */
    public static void privilege(Cpu c) {
        boolean user = c.cpl == 3;
        c.readTlb = user ? c.mmu.userRead.entries : c.mmu.supervisorRead.entries;
        c.writeTlb = user ? c.mmu.userWrite.entries : c.mmu.supervisorWrite.entries;
        alignment(c);
        stamp(c);
    }

    /** To be called when EFLAGS.AC, or something that gives it a meaning, has changed. */
    public static void alignment(Cpu c) {
        boolean flag = (c.flags & Flags.AC) != 0;
        boolean check = flag && (c.cr0 & CR0_AM) != 0 && c.cpl == 3;
        if (flag != c.mmu.walker.alignmentFlag) {
            c.mmu.walker.alignmentFlag = flag;
            if (c.mmu.walker.smap) {
                c.mmu.flushAll();
            }
        }
        c.debug.watch(check);
    }

    /** Whether any offset can be used without a check: bit 0 for reading, bit 1 for writing. */
    private static int flat(Cpu c, int segment) {
        int attributes = c.segmentAttributes[segment];
        if (c.segmentLimit[segment] != -1 || (attributes & UNUSABLE) != 0) {
            return 0;
        }
        if (!c.protectedMode) {
            return 3;
        }
        if ((attributes & CODE) != 0) {
            return (attributes & WRITABLE) != 0 ? 1 : 0;
        }
        return (attributes & DOWN_OR_CONFORMING) != 0 ? 0 : (attributes & WRITABLE) != 0 ? 3 : 1;
    }

    /** Brings {@link Cpu#stamp} up to date. */
    public static void stamp(Cpu c) {
        c.stamp = c.mmu.codeEpoch(c.cpl == 3) << 20 | c.blocks.codeSegment() << 8 | mode(c);
    }

    /** What decoded code depends on, besides its bytes and the base and limit of its segment. */
    static int mode(Cpu c) {
        return (c.codeSize == 64 ? 2 : c.codeSize >> 5) | (c.cpl == 3 ? 4 : 0) | (c.stepping ? 8 : 0);
    }

    /** Numbers for the pairs of base and limit that code segments have had; 0 is base 0 and no limit. */
    static final class CodeSegments {

        private record Key(long base, int limit) {}

        private final Map<Key, Integer> numbers = new HashMap<>();
        private long lastBase;
        private int lastLimit = -1;
        private int last;

        int number(long base, int limit) {
            if (base != lastBase || limit != lastLimit) {
                lastBase = base;
                lastLimit = limit;
                last = base == 0 && limit == -1 ? 0
                        : numbers.computeIfAbsent(new Key(base, limit), k -> numbers.size() + 1);
            }
            return last;
        }

        boolean isFull() {
            return numbers.size() >= MOST_CODE_SEGMENTS;
        }

        void clear() {
            numbers.clear();
            lastBase = 0;
            lastLimit = -1;
            last = 0;
        }
    }
}
