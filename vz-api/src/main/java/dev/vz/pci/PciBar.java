package dev.vz.pci;

import dev.vz.bus.BusDevice;
import dev.vz.error.ConfigurationException;

/**
 * A base address register and what answers behind it.
 *
 * @param index        0 to 5; a 64-bit register takes the next one as well
 * @param kind         address space and width
 * @param size         bytes: a power of two, 16 or more for memory, 4 or more for ports
 * @param prefetchable whether reads have no side effects
 * @param device       who answers; offsets count from the address that the guest put into the register
 */
public record PciBar(int index, Kind kind, long size, boolean prefetchable, BusDevice device) {

    /** Address space and width. */
    public enum Kind {
        /** Ports. */
        PORT,
        /** Memory below 4 GiB. */
        MEMORY32,
        /** Memory anywhere. */
        MEMORY64
    }

    /** Checks the combination. */
    public PciBar {
        boolean wide = kind == Kind.MEMORY64;
        long least = kind == Kind.PORT ? 4 : 16;
        if (index < 0 || index > (wide ? 4 : 5) || size < least || Long.bitCount(size) != 1
                || !wide && size > 1L << 31) {
            throw new ConfigurationException("BAR " + index + " (" + kind + ") cannot have " + size
                    + " bytes: a power of two of at least " + least + " is needed");
        }
    }
}
