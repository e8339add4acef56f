/**
 * What a device shows on a PCI bus: a function with configuration space, base address registers and an MSI-X table.
 * The host bridge that enumerates functions and routes their BARs belongs to the board, not here. Offsets and names
 * follow the PCI Local Bus Specification 3.0 and the PCI Express Base Specification.
 */
@NullMarked
package dev.vz.pci;

import org.jspecify.annotations.NullMarked;
