/**
 * Virtio over PCI, modern interface only (virtio 1.3, 4.1). {@link dev.vz.virtio.pci.VirtioPciFunction} puts a device's host
 * on a bus: configuration space with the five vendor capabilities and MSI-X, and one BAR with the registers. Which bus that
 * is, and where its BAR lies, is the host bridge's business.
 */
@NullMarked
package dev.vz.virtio.pci;

import org.jspecify.annotations.NullMarked;
