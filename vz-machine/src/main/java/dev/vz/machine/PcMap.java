package dev.vz.machine;

import dev.vz.bus.AddressRange;
import java.util.List;

/** Who is where on this PC: guest-physical addresses in the hole below 4 GiB, ports, interrupt inputs. */
final class PcMap {

    /** The framebuffer, up to 128 MiB. */
    static final long FRAMEBUFFER = 0xF000_0000L;
    /** Registers of devices that are attached to the board, 16 MiB. */
    static final AddressRange SLOTS = AddressRange.closed(0xFD00_0000L, 0xFDFF_FFFFL);
    static final long IOAPIC = 0xFEC0_0000L;
    static final long LAPIC = 0xFEE0_0000L;

    /** First port of the ACPI registers. */
    static final int ACPI = 0x600;
    /** COM1 to COM4. */
    static final int[] SERIAL_PORTS = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    static final int[] SERIAL_INTERRUPTS = {4, 3, 4, 3};

    static final int KEYBOARD_INTERRUPT = 1;
    static final int CLOCK_INTERRUPT = 8;
    static final int SCI = 9;
    /** Inputs that no device of the board uses. */
    static final List<Integer> FREE_INPUTS = List.of(16, 17, 18, 19, 20, 21, 22, 23, 10, 11, 5, 7);

    private PcMap() {}
}
