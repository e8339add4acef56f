/**
 * The seam between networks and the devices that show them to a guest. A {@link dev.vz.link.LinkPort} exchanges batches
 * of Ethernet frames, each preceded by the 12-byte virtio network header that carries its offloads. Frames are borrowed
 * for the length of a call and never kept.
 */
@NullMarked
package dev.vz.link;

import org.jspecify.annotations.NullMarked;
