/**
 * The board's PCI host bridge. {@link dev.vz.machine.pci.PciHostBridge} puts functions on bus 0, answers configuration
 * accesses through ports and through memory, and moves the functions' registers to where the guest wants them;
 * {@link dev.vz.machine.pci.PciHotPlug} adds and takes away functions while the guest runs, the ACPI way. What a function is
 * says {@link dev.vz.pci.PciFunction}.
 */
@NullMarked
package dev.vz.machine.pci;

import org.jspecify.annotations.NullMarked;
