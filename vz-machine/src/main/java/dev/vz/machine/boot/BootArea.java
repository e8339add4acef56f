package dev.vz.machine.boot;

/**
 * Where the loader puts its own things: below 640 KiB, which kernels keep out of until they have read the memory map, and in
 * the firmware's area below 1 MiB. All addresses are guest-physical.
 */
public final class BootArea {

    /** Global descriptor table for the first instructions. */
    static final long GDT = 0x500;
    /** PVH start info, its module list and its memory map. */
    static final long START_INFO = 0x6000;
    /** The zero page ({@code struct boot_params}). */
    static final long ZERO_PAGE = 0x7000;
    /** Top of a small stack. */
    static final long STACK_TOP = 0x8FF0;
    /** Page tables: one level-4, one level-3 and four level-2 tables. */
    static final long PAGE_TABLES = 0x9000;
    /** The command line, up to {@link #COMMAND_LINE_ROOM} bytes. */
    static final long COMMAND_LINE = 0x2_0000;
    /** Bytes that are there for the command line and its terminating zero. */
    static final long COMMAND_LINE_ROOM = 0x1_0000;
    /** End of the conventional memory that the guest may use; what follows is the extended BIOS data area. */
    static final long CONVENTIONAL_END = 0x9_FC00;
    /** Start of the area without RAM for the guest: video memory and option ROMs. */
    static final long VIDEO = 0xA_0000;
    /** The firmware tables; a guest without our word for it looks for the RSDP here. */
    public static final long FIRMWARE_TABLES = 0xE_0000;
    /** Bytes that are there for the firmware tables. */
    public static final int FIRMWARE_TABLES_ROOM = 0x2_0000;
    /** Start of the memory that kernels are loaded to. */
    public static final long HIGH_MEMORY = 0x10_0000;

    private BootArea() {}
}
