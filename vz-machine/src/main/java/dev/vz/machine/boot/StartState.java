package dev.vz.machine.boot;

import dev.vz.cpu.x86.DescriptorTable;
import dev.vz.cpu.x86.GeneralRegisters;
import dev.vz.cpu.x86.Segment;
import dev.vz.cpu.x86.SpecialRegisters;
import dev.vz.memory.GuestMemory;

/**
 * With which registers the first processor starts. The APIC base of {@link #special()} is not meant: whoever loads the
 * registers keeps the processor's own.
 *
 * @param registers general registers
 * @param special   special registers
 */
public record StartState(GeneralRegisters registers, SpecialRegisters special) {

    private static final int CODE = 0x10;
    private static final int DATA = 0x18;
    private static final int TASK = 0x20;
    private static final int GDT_ENTRIES = 6;
    private static final long PRESENT_WRITABLE = 3;
    private static final long LARGE_PAGE = 1 << 7;
    private static final long MIB_2 = 0x20_0000;

    /**
     * 64-bit mode at {@code entry} with the first 4 GiB mapped to themselves, RSI holding {@code argument}: what Linux's
     * 64-bit boot protocol asks for. Writes descriptor and page tables to {@code memory}.
     */
    public static StartState longMode(GuestMemory memory, long entry, long argument) {
        writeGdt(memory, true);
        long cr3 = writePageTables(memory);
        SpecialRegisters special = SpecialRegisters.longMode(cr3, 0).withCs(Segment.code64(CODE, 0))
                .withData(Segment.data(DATA, 0)).withTr(Segment.task(TASK, 0, 0x67, true))
                .withGdt(new DescriptorTable(BootArea.GDT, GDT_ENTRIES * 8 - 1));
        return new StartState(GeneralRegisters.zero().withRip(entry).withRsi(argument)
                .withRsp(BootArea.STACK_TOP).withRbp(BootArea.STACK_TOP), special);
    }

    /**
     * Flat 32-bit protected mode at {@code entry}, EBX holding {@code argument}: what PVH asks for. Writes a descriptor
     * table to {@code memory}.
     */
    public static StartState protectedMode(GuestMemory memory, long entry, long argument) {
        writeGdt(memory, false);
        SpecialRegisters special = SpecialRegisters.protectedMode().withCs(Segment.code32(CODE, 0))
                .withData(Segment.data(DATA, 0)).withTr(Segment.task(TASK, 0, 0x67, true))
                .withGdt(new DescriptorTable(BootArea.GDT, GDT_ENTRIES * 8 - 1));
        return new StartState(GeneralRegisters.zero().withRip(entry).withRbx(argument)
                .withRsp(BootArea.STACK_TOP), special);
    }

    /** 16-bit real mode with all segments at base 0; {@code entry} is below 64 KiB. */
    public static StartState realMode(long entry) {
        return new StartState(GeneralRegisters.zero().withRip(entry).withRsp(0x7000), SpecialRegisters.realMode());
    }

    /** The same starting at another instruction. */
    public StartState withRip(long rip) {
        return new StartState(registers.withRip(rip), special);
    }

    private static void writeGdt(GuestMemory memory, boolean longMode) {
        memory.writeLong(BootArea.GDT, 0);
        memory.writeLong(BootArea.GDT + 8, 0);
        // Flat, present, readable code and writable data with the accessed bit set (SDM 3A, 3.4.5).
        memory.writeLong(BootArea.GDT + CODE, longMode ? 0x00AF_9B00_0000_FFFFL : 0x00CF_9B00_0000_FFFFL);
        memory.writeLong(BootArea.GDT + DATA, 0x00CF_9300_0000_FFFFL);
        // A busy 32-/64-bit task state segment at 0; in 64-bit mode it takes two entries.
        memory.writeLong(BootArea.GDT + TASK, 0x0000_8B00_0000_0067L);
        memory.writeLong(BootArea.GDT + TASK + 8, 0);
    }

    /** Maps the first 4 GiB to themselves with 2 MiB pages. */
    private static long writePageTables(GuestMemory memory) {
        long level4 = BootArea.PAGE_TABLES;
        long level3 = level4 + 0x1000;
        long level2 = level3 + 0x1000;
        memory.fill(level4, 0x2000, (byte) 0);
        memory.writeLong(level4, level3 | PRESENT_WRITABLE);
        for (int i = 0; i < 4; i++) {
            memory.writeLong(level3 + 8L * i, level2 + 0x1000L * i | PRESENT_WRITABLE);
        }
        for (int i = 0; i < 4 * 512; i++) {
            memory.writeLong(level2 + 8L * i, i * MIB_2 | LARGE_PAGE | PRESENT_WRITABLE);
        }
        return level4;
    }
}
