package dev.vz.pci;

import dev.vz.error.ConfigurationException;

/**
 * Where a function is: bus 0 to 255, device 0 to 31, function 0 to 7.
 *
 * @param bus      bus number
 * @param device   device number
 * @param function function number
 */
public record PciAddress(int bus, int device, int function) implements Comparable<PciAddress> {

    /** Checks the numbers. */
    public PciAddress {
        if (bus < 0 || bus > 255 || device < 0 || device > 31 || function < 0 || function > 7) {
            throw new ConfigurationException("No PCI address: bus " + bus + ", device " + device + ", function "
                    + function);
        }
    }

    /** The routing id: bus in bits 15..8, device in 7..3, function in 2..0. */
    public int routingId() {
        return bus << 8 | device << 3 | function;
    }

    @Override
    public int compareTo(PciAddress other) {
        return Integer.compare(routingId(), other.routingId());
    }

    /** As Linux writes it, for example {@code 00:03.0}. */
    @Override
    public String toString() {
        return String.format("%02x:%02x.%d", bus, device, function);
    }
}
