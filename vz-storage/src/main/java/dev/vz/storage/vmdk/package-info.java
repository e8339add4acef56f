/**
 * VMware's disk images, by "Virtual Disk Format 5.0": a descriptor in text, on its own or within the first extent, and
 * extents that hold the disk's sectors sparsely, flat, or compressed. {@link dev.vz.storage.vmdk.VmdkDriver} reads and
 * writes images, {@link dev.vz.storage.vmdk.VmdkFormat} makes them. Files that a descriptor names go through the gate.
 */
@NullMarked
package dev.vz.storage.vmdk;

import org.jspecify.annotations.NullMarked;
