package dev.vz.emulator.cpu;

import static dev.vz.emulator.cpu.Modes.*;

import dev.vz.emulator.fault.Vector;

/** Writes to CR0, CR3, CR4 and EFER, with what they entail (Intel SDM volume 3A, sections 2.5 and 9.8.5). */
public final class ControlRegisters {

    private static final long CR0_KNOWN = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW
            | CR0_CD | CR0_PG;

    private ControlRegisters() {}

    /** MOV to CR0 and LMSW. */
    public static void setCr0(Cpu c, long value) {
        long next = value & CR0_KNOWN | CR0_ET;
        if ((value & 0xFFFF_FFFF_0000_0000L) != 0 || (next & (CR0_PG | CR0_PE)) == CR0_PG
                || (next & (CR0_NW | CR0_CD)) == CR0_NW) {
            throw c.raise(Vector.GP);
        }
        long changed = c.cr0 ^ next;
        long efer = c.efer;
        if ((changed & CR0_PG) != 0) {
            boolean on = (next & CR0_PG) != 0;
            if (on && (efer & EFER_LME) != 0) {
                if ((c.cr4 & CR4_PAE) == 0 || (c.segmentAttributes[Segments.CS] & Segments.L) != 0) {
                    throw c.raise(Vector.GP);
                }
                efer |= EFER_LMA;
            } else if (!on && (efer & EFER_LMA) != 0) {
                if (c.codeSize == 64) {
                    throw c.raise(Vector.GP);
                }
                efer &= ~EFER_LMA;
            }
            if (on && (efer & EFER_LMA) == 0 && (c.cr4 & CR4_PAE) != 0 && !c.mmu.walker.loadPdptes(c.cr3)) {
                throw c.raise(Vector.GP);
            }
        }
        c.cr0 = next;
        c.efer = efer;
        if ((changed & CR0_PE) != 0 && (next & CR0_PE) == 0) {
            c.cpl = 0;
        }
        if ((changed & (CR0_PG | CR0_WP | CR0_PE)) != 0) {
            c.mmu.flushAll();
        }
        Modes.control(c);
    }

    /** MOV to CR3. */
    public static void setCr3(Cpu c, long value) {
        long next = value;
        if (c.longMode) {
            if ((value & -(1L << c.mmu.walker.physicalBits())) != 0) {
                throw c.raise(Vector.GP);
            }
        } else {
            next &= 0xFFFF_FFFFL;
        }
        loadCr3(c, next);
    }

    /** Loads CR3 as MOV and task switches do. */
    static void loadCr3(Cpu c, long value) {
        if (!c.longMode && (c.cr4 & CR4_PAE) != 0 && (c.cr0 & CR0_PG) != 0 && !c.mmu.walker.loadPdptes(value)) {
            throw c.raise(Vector.GP);
        }
        c.cr3 = value;
        c.mmu.walker.cr3 = value;
        c.mmu.flushLocal();
        Modes.stamp(c);
    }

    /** The CR4 bits that what CPUID announces allows. */
    static long knownCr4(Cpu c) {
        CpuidTable id = c.cpuid;
        return CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT
                | (id.vme ? CR4_VME | CR4_PVI : 0) | (id.umip ? CR4_UMIP : 0) | (id.fsgsbase ? CR4_FSGSBASE : 0)
                | (id.smep ? CR4_SMEP : 0) | (id.smap ? CR4_SMAP : 0) | (id.pku ? Modes.CR4_PKE : 0)
                | (id.pks ? Modes.CR4_PKS : 0);
    }

    /** MOV to CR4. */
    public static void setCr4(Cpu c, long value) {
        if ((value & ~knownCr4(c)) != 0 || c.longMode && (value & CR4_PAE) == 0) {
            throw c.raise(Vector.GP);
        }
        long changed = c.cr4 ^ value;
        boolean paging = (c.cr0 & CR0_PG) != 0;
        if ((changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) != 0 && paging && !c.longMode
                && (value & CR4_PAE) != 0 && !c.mmu.walker.loadPdptes(c.cr3)) {
            throw c.raise(Vector.GP);
        }
        c.cr4 = value;
        if ((changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP | Modes.CR4_PKE | Modes.CR4_PKS)) != 0) {
            c.mmu.flushAll();
        }
        Modes.control(c);
    }

    /** WRMSR to EFER. */
    static void setEfer(Cpu c, long value) {
        CpuidTable id = c.cpuid;
        long known = (id.syscall ? EFER_SCE : 0) | (id.longMode ? EFER_LME | EFER_LMA : 0) | (id.nx ? EFER_NXE : 0)
                | (id.autoIbrs ? EFER_AUTOIBRS : 0);
        if ((value & ~known) != 0 || (c.cr0 & CR0_PG) != 0 && ((c.efer ^ value) & EFER_LME) != 0) {
            throw c.raise(Vector.GP);
        }
        long changed = c.efer ^ value;
        c.efer = value & ~EFER_LMA | c.efer & EFER_LMA;
        if ((changed & EFER_NXE) != 0) {
            c.mmu.flushAll();
        }
        Modes.control(c);
    }
}
