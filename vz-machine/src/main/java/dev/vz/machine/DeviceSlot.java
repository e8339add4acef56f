package dev.vz.machine;

import dev.vz.bus.AddressRange;
import dev.vz.irq.InterruptLine;

/**
 * A place on the board for a device of the caller's.
 *
 * @param range guest-physical addresses for its registers, free on the MMIO bus
 * @param gsi   the number of its interrupt input
 * @param line  the wire to it; nobody else drives it
 */
public record DeviceSlot(AddressRange range, int gsi, InterruptLine line) {}
