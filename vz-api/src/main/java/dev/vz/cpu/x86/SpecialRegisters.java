package dev.vz.cpu.x86;

/**
 * The special registers: segments, descriptor tables, control registers and EFER.
 *
 * <p>
 * Start from what a vCPU holds, or from one of the ready-made states, and change what differs.
 *
 * @param cs               code segment
 * @param ds               data segment
 * @param es               data segment
 * @param fs               data segment
 * @param gs               data segment
 * @param ss               stack segment
 * @param tr               task register
 * @param ldt              local descriptor table register
 * @param gdt              global descriptor table register
 * @param idt              interrupt descriptor table register
 * @param cr0              control register 0
 * @param cr2              address of the last page fault, linear
 * @param cr3              page table root, guest-physical
 * @param cr4              control register 4
 * @param cr8              task priority, 0 to 15
 * @param efer             extended feature enable register
 * @param apicBase         base address and enable bits of the local APIC
 * @param pendingInterrupt vector of an external interrupt that is being delivered; -1 for none
 */
public record SpecialRegisters(Segment cs, Segment ds, Segment es, Segment fs, Segment gs, Segment ss, Segment tr,
        Segment ldt, DescriptorTable gdt, DescriptorTable idt, long cr0, long cr2, long cr3, long cr4, long cr8,
        long efer, long apicBase, int pendingInterrupt) {

    /** Protection enable. */
    public static final long CR0_PE = 1;
    /** Monitor coprocessor. */
    public static final long CR0_MP = 1L << 1;
    /** Emulation of the FPU. */
    public static final long CR0_EM = 1L << 2;
    /** Task switched. */
    public static final long CR0_TS = 1L << 3;
    /** Extension type, always 1. */
    public static final long CR0_ET = 1L << 4;
    /** Numeric error. */
    public static final long CR0_NE = 1L << 5;
    /** Write protect. */
    public static final long CR0_WP = 1L << 16;
    /** Alignment mask. */
    public static final long CR0_AM = 1L << 18;
    /** Not write-through. */
    public static final long CR0_NW = 1L << 29;
    /** Cache disable. */
    public static final long CR0_CD = 1L << 30;
    /** Paging. */
    public static final long CR0_PG = 1L << 31;
    /** Page size extensions. */
    public static final long CR4_PSE = 1L << 4;
    /** Physical address extension. */
    public static final long CR4_PAE = 1L << 5;
    /** Global pages. */
    public static final long CR4_PGE = 1L << 7;
    /** FXSAVE and SSE. */
    public static final long CR4_OSFXSR = 1L << 9;
    /** SSE exceptions. */
    public static final long CR4_OSXMMEXCPT = 1L << 10;
    /** XSAVE. */
    public static final long CR4_OSXSAVE = 1L << 18;
    /** SYSCALL enable. */
    public static final long EFER_SCE = 1;
    /** Long mode enable. */
    public static final long EFER_LME = 1L << 8;
    /** Long mode active. */
    public static final long EFER_LMA = 1L << 10;
    /** No-execute enable. */
    public static final long EFER_NXE = 1L << 11;

    /** 16-bit real mode, all segments at base 0; code from {@code rip} lies in the first 64 KiB. */
    public static SpecialRegisters realMode() {
        Segment data = Segment.realMode(0, false);
        return new SpecialRegisters(Segment.realMode(0, true), data, data, data, data, data,
                Segment.task(0, 0, 0xFFFF, true), Segment.noLdt(), new DescriptorTable(0, 0xFFFF),
                new DescriptorTable(0, 0xFFFF), CR0_ET, 0, 0, 0, 0, 0, 0xFEE0_0900L, -1);
    }

    /** Flat 32-bit protected mode without paging, at privilege level 0. The descriptor tables are empty. */
    public static SpecialRegisters protectedMode() {
        Segment data = Segment.data(0x10, 0);
        return realMode().withCs(Segment.code32(8, 0)).withData(data).withCr0(CR0_PE | CR0_ET | CR0_NE);
    }

    /**
     * 64-bit mode with the page tables at {@code cr3}.
     *
     * @param cr3 guest-physical address of a level-4 table
     * @param dpl privilege level of code and stack: 0 or 3
     */
    public static SpecialRegisters longMode(long cr3, int dpl) {
        Segment data = Segment.data(0x10 | dpl, dpl);
        return realMode().withCs(Segment.code64(8 | dpl, dpl)).withData(data)
                .withCr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG).withCr3(cr3)
                .withCr4(CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT).withEfer(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
    }

    /** The same with {@code data} in DS, ES, FS, GS and SS. */
    public SpecialRegisters withData(Segment data) {
        return withDs(data).withEs(data).withFs(data).withGs(data).withSs(data);
    }

    /** The same with another cs. */
    public SpecialRegisters withCs(Segment cs) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another ds. */
    public SpecialRegisters withDs(Segment ds) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another es. */
    public SpecialRegisters withEs(Segment es) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another fs. */
    public SpecialRegisters withFs(Segment fs) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another gs. */
    public SpecialRegisters withGs(Segment gs) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another ss. */
    public SpecialRegisters withSs(Segment ss) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another tr. */
    public SpecialRegisters withTr(Segment tr) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another ldt. */
    public SpecialRegisters withLdt(Segment ldt) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another gdt. */
    public SpecialRegisters withGdt(DescriptorTable gdt) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another idt. */
    public SpecialRegisters withIdt(DescriptorTable idt) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another cr0. */
    public SpecialRegisters withCr0(long cr0) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another cr2. */
    public SpecialRegisters withCr2(long cr2) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another cr3. */
    public SpecialRegisters withCr3(long cr3) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another cr4. */
    public SpecialRegisters withCr4(long cr4) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another cr8. */
    public SpecialRegisters withCr8(long cr8) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another efer. */
    public SpecialRegisters withEfer(long efer) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another apicBase. */
    public SpecialRegisters withApicBase(long apicBase) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }

    /** The same with another pendingInterrupt. */
    public SpecialRegisters withPendingInterrupt(int pendingInterrupt) {
        return new SpecialRegisters(cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt, cr0, cr2, cr3, cr4, cr8, efer, apicBase,
                pendingInterrupt);
    }
}
