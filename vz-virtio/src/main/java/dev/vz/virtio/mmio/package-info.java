/**
 * Virtio over memory-mapped registers (virtio 1.3, 4.2), version 2: one page and one interrupt line a device, no
 * enumeration. {@link dev.vz.virtio.mmio.VirtioMmio} is what a board attaches to its bus; how the guest learns of the page
 * (ACPI, a device tree) is the board's business.
 */
@NullMarked
package dev.vz.virtio.mmio;

import org.jspecify.annotations.NullMarked;
