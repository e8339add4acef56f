package dev.vz.conformance;

import dev.vz.memory.GuestMemory;

/**
 * Where things are in a guest of the kit, and the tables that a mode needs. All addresses are guest-physical; paging maps
 * them to themselves.
 *
 * <p>
 * Memory is in two regions with the classic hole between them: 0 to 0x9FFFF, and from 1 MiB.
 */
public final class GuestLayout {

    /** Results, for the test to read; relative to the data segment. */
    public static final int MAILBOX = 0x600;
    /** Top of the stacks of {@link GuestMode#REAL}, {@link GuestMode#FLAT32} and {@link GuestMode#LONG64}. */
    public static final long STACK = 0x7000;
    /** Code of the test's own handlers. */
    static final long HANDLERS = 0xA000;
    static final int HANDLER_SIZE = 0x200;
    /** A handler for each vector that reports a fault and ends the run. */
    static final long STUBS = 0x8000;
    static final int STUB_SIZE = 16;
    static final long GDT = 0x1000;
    static final int GDT_SIZE = 0x60;
    static final long IDT = 0x2000;
    static final long TSS = 0x3000;
    /** The task state, 8 KiB of I/O permission bitmap, and the byte that ends it. */
    static final int TSS_LIMIT = 0x68 + 0x2000;
    static final int IO_MAP_BASE = 0x66;
    /** The level-4 table; the others follow. */
    public static final long PAGE_TABLES = 0x1_0000;
    /** The table that maps the first 2 MiB in pages of 4 KiB. */
    public static final long PAGE_TABLE = 0x1_6000;
    /** First instruction. */
    public static final long CODE = 0x2_0000;
    /** Data and stack segment of {@link GuestMode#SEGMENTED32}, 4 KiB. */
    public static final long SEGMENT = 0x3_0000;
    static final long SEGMENT_STACK = 0x1000;
    /** Top of the stacks of {@link GuestMode#USER64}. */
    static final long USER_STACK = 0x4_0000;
    /** 64 KiB for the test's own data. */
    public static final long DATA = 0x5_0000;
    /** An address below 1 MiB without memory. */
    public static final long LOW_MMIO = 0xB_8000;
    /** Start of the second region. */
    public static final long HIGH = 0x10_0000;
    /** An address without memory that 32- and 64-bit code reaches; 2 MiB are free there. */
    public static final long MMIO = 0xD000_0000L;

    /** Flat code at privilege level 0, of the mode's size. */
    public static final int KERNEL_CODE = 0x08;
    /** Flat data at privilege level 0. */
    public static final int KERNEL_DATA = 0x10;
    /** Flat data at privilege level 3. */
    public static final int USER_DATA = 0x1B;
    /** Flat 64-bit code at privilege level 3. */
    public static final int USER_CODE = 0x23;
    static final int TASK = 0x28;
    static final int SEGMENT_CODE = 0x38;
    static final int SEGMENT_DATA = 0x40;
    /** Flat 32-bit code, in every mode. */
    public static final int CODE_32 = 0x48;
    /** Flat 64-bit code, in every mode. */
    public static final int CODE_64 = 0x50;

    /** Page table bits: present, writable, accessible at privilege level 3. */
    public static final int PRESENT = 1;
    /** Writable. */
    public static final int WRITABLE = 2;
    /** Accessible at privilege level 3. */
    public static final int USER = 4;
    private static final int LARGE = 0x80;

    private GuestLayout() {}

    static void write(GuestMemory memory, GuestMode mode) {
        descriptors(memory, mode);
        for (int vector = 0; vector < 256; vector++) {
            gate(memory, mode, vector, STUBS + STUB_SIZE * vector, 0);
        }
        // Also where paging is off at first: guests switch it on.
        pageTables(memory);
        for (int vector = 0; vector < 256; vector++) {
            memory.write(STUBS + STUB_SIZE * vector, new Assembler(mode.bits(), 0).push(vector)
                    .out(1, Guest.FAULT_PORT).label("stay").hlt().jmp("stay").assemble());
        }
    }

    private static void descriptors(GuestMemory memory, GuestMode mode) {
        long code32 = 0x00CF_9B00_0000_FFFFL;
        long code64 = 0x00AF_9B00_0000_FFFFL;
        memory.writeLong(GDT + KERNEL_CODE, mode.bits() == 64 ? code64 : code32);
        memory.writeLong(GDT + KERNEL_DATA, 0x00CF_9300_0000_FFFFL);
        memory.writeLong(GDT + (USER_DATA & ~3), 0x00CF_F300_0000_FFFFL);
        memory.writeLong(GDT + (USER_CODE & ~3), 0x00AF_FB00_0000_FFFFL);
        memory.writeLong(GDT + TASK, 0x0000_8B00_0000_0000L | TSS << 16 | TSS_LIMIT);
        memory.writeLong(GDT + SEGMENT_CODE, 0x0040_9B00_0000_FFFFL | CODE << 16);
        memory.writeLong(GDT + SEGMENT_DATA, 0x0040_9300_0000_0FFFL | SEGMENT << 16);
        memory.writeLong(GDT + CODE_32, code32);
        memory.writeLong(GDT + CODE_64, code64);
        if (mode.bits() == 64) {
            memory.writeLong(TSS + 4, STACK); // RSP0
            memory.writeLong(TSS + 0x24, STACK - 0x1000); // IST1
        } else {
            memory.writeInt(TSS + 4, (int) STACK); // ESP0
            memory.writeInt(TSS + 8, KERNEL_DATA); // SS0
        }
        memory.writeShort(TSS + IO_MAP_BASE, (short) 0x68); // a bitmap of zeros permits every port
        memory.writeByte(TSS + TSS_LIMIT, (byte) 0xFF);
    }

    private static void pageTables(GuestMemory memory) {
        int all = PRESENT | WRITABLE | USER;
        memory.writeLong(PAGE_TABLES, PAGE_TABLES + 0x1000 | all);
        for (int gigabyte = 0; gigabyte < 4; gigabyte++) {
            long directory = PAGE_TABLES + 0x2000 + 0x1000L * gigabyte;
            memory.writeLong(PAGE_TABLES + 0x1000 + 8 * gigabyte, directory | all);
            for (int i = 0; i < 512; i++) {
                memory.writeLong(directory + 8 * i, (long) gigabyte << 30 | (long) i << 21 | LARGE | all);
            }
        }
        memory.writeLong(PAGE_TABLES + 0x2000, PAGE_TABLE | all);
        for (int i = 0; i < 512; i++) {
            memory.writeLong(PAGE_TABLE + 8 * i, (long) i << 12 | all);
        }
    }

    /** Points vector {@code vector} to the handler at {@code offset}, an address below 64 KiB. */
    static void gate(GuestMemory memory, GuestMode mode, int vector, long offset, int stack) {
        switch (mode) {
            case REAL -> memory.writeInt(4L * vector, (int) offset);
            case FLAT32, SEGMENTED32 -> memory.writeLong(IDT + 8 * vector,
                    offset | (long) KERNEL_CODE << 16 | 0x8E00L << 32);
            case LONG64, USER64 -> {
                // DPL 3, so that INT n works at privilege level 3.
                memory.writeLong(IDT + 16 * vector,
                        offset | (long) KERNEL_CODE << 16 | (0xEE00L | stack) << 32);
                memory.writeLong(IDT + 16 * vector + 8, 0);
            }
        }
    }
}
