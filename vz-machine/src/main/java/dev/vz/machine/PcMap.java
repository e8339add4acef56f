package dev.vz.machine;

import dev.vz.bus.AddressRange;
import java.util.List;

/** Who is where on this PC: guest-physical addresses in the hole below 4 GiB, ports, interrupt inputs. */
final class PcMap {

    /** The framebuffer, up to 128 MiB. */
    static final long FRAMEBUFFER = 0xF000_0000L;
    /** Configuration space of the PCI bus, 1 MiB. */
    static final long PCI_CONFIGURATION = 0xF800_0000L;
    /** Registers of PCI functions. */
    static final AddressRange PCI_MEMORY = AddressRange.closed(0xF900_0000L, 0xFCFF_FFFFL);
    /** Ports of PCI functions, above those that boards use. */
    static final AddressRange PCI_PORTS = AddressRange.closed(0x1000, 0xFFFF);
    /** Registers of devices that are attached to the board, 16 MiB. */
    static final AddressRange SLOTS = AddressRange.closed(0xFD00_0000L, 0xFDFF_FFFFL);
    /** What memory of devices starts at: no page of a guest, however large, is shared with another's. */
    static final long MEMORY_ALIGNMENT = 1L << 30;
    static final long IOAPIC = 0xFEC0_0000L;
    static final long LAPIC = 0xFEE0_0000L;

    /** First port of the ACPI registers. */
    static final int ACPI = 0x600;
    /** First port of the general-purpose events. */
    static final int EVENTS = 0x610;
    /** First port of PCI hot plug. */
    static final int PCI_HOT_PLUG = 0x620;
    /** The general-purpose event that tells of PCI hot plug. */
    static final int PCI_EVENT = 1;
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
