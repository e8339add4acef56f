package dev.vz.conformance;

import dev.vz.cpu.x86.DescriptorTable;
import dev.vz.cpu.x86.Segment;
import dev.vz.cpu.x86.SpecialRegisters;

/** The modes of the processor that guests start in, with the tables of {@link GuestLayout} in place. */
public enum GuestMode {
    /** 16-bit real mode; code in segment 0x2000, data and stack in segment 0. */
    REAL(16),
    /** 32-bit protected mode without paging, flat segments, privilege level 0. */
    FLAT32(32),
    /** 32-bit protected mode without paging; code, data and stack segments with bases, data and stack 4 KiB long. */
    SEGMENTED32(32),
    /** 64-bit mode at privilege level 0, the first 4 GiB mapped to themselves. */
    LONG64(64),
    /** The same at privilege level 3; the I/O permission bitmap permits every port. */
    USER64(64);

    private final int bits;

    GuestMode(int bits) {
        this.bits = bits;
    }

    /** Code size: 16, 32 or 64. */
    public int bits() {
        return bits;
    }

    /** Bytes of a stack word and of an address. */
    public int wordSize() {
        return bits / 8;
    }

    /** Offset in the code segment of the first instruction. */
    public long origin() {
        return this == REAL || this == SEGMENTED32 ? 0 : GuestLayout.CODE;
    }

    /** Guest-physical address of offset 0 of the data segment. */
    public long dataBase() {
        return this == SEGMENTED32 ? GuestLayout.SEGMENT : 0;
    }

    /** Where accesses leave the guest because no memory is there, at an address that the mode reaches. */
    public long mmio() {
        return this == REAL ? GuestLayout.LOW_MMIO : GuestLayout.MMIO;
    }

    /** The stack pointer of vCPU {@code id} at the start: 1 KiB for each below the top. */
    long stack(int id) {
        return switch (this) {
            case SEGMENTED32 -> GuestLayout.SEGMENT_STACK - 0x200L * id;
            case USER64 -> GuestLayout.USER_STACK - 0x400L * id;
            default -> GuestLayout.STACK - 0x400L * id;
        };
    }

    SpecialRegisters registers() {
        Segment flat = Segment.data(GuestLayout.KERNEL_DATA, 0);
        SpecialRegisters state = switch (this) {
            case REAL -> SpecialRegisters.realMode().withCs(Segment.realMode((int) (GuestLayout.CODE >> 4), true));
            case FLAT32 -> SpecialRegisters.protectedMode().withCs(Segment.code32(GuestLayout.KERNEL_CODE, 0))
                    .withData(flat);
            case SEGMENTED32 -> {
                // Byte granularity: the limits are those of the descriptors at the same selectors.
                var code = new Segment(GuestLayout.CODE, 0xFFFF, GuestLayout.SEGMENT_CODE, 11, true, 0, true, false,
                        false, false, false, false);
                var data = new Segment(GuestLayout.SEGMENT, 0xFFF, GuestLayout.SEGMENT_DATA, 3, true, 0, true, false,
                        false, false, false, false);
                yield SpecialRegisters.protectedMode().withCs(code).withData(data);
            }
            case LONG64 -> SpecialRegisters.longMode(GuestLayout.PAGE_TABLES, 0)
                    .withCs(Segment.code64(GuestLayout.KERNEL_CODE, 0)).withData(flat);
            case USER64 -> SpecialRegisters.longMode(GuestLayout.PAGE_TABLES, 3)
                    .withCs(Segment.code64(GuestLayout.USER_CODE, 3)).withData(Segment.data(GuestLayout.USER_DATA, 3));
        };
        if (this == REAL) {
            return state;
        }
        return state.withTr(Segment.task(GuestLayout.TASK, GuestLayout.TSS, GuestLayout.TSS_LIMIT, true))
                .withGdt(new DescriptorTable(GuestLayout.GDT, GuestLayout.GDT_SIZE - 1))
                .withIdt(new DescriptorTable(GuestLayout.IDT, 256 * (bits == 64 ? 16 : 8) - 1));
    }
}
