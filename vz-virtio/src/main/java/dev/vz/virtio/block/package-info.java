/**
 * The block device (virtio 1.3, 5.2) over a {@link dev.vz.block.BlockDevice}: read, write, flush, discard, write zeroes and
 * get id, on one or several queues. {@link dev.vz.virtio.block.BlockFrontend} is the device; everything else is how it
 * reads requests and keeps those in flight.
 */
@NullMarked
package dev.vz.virtio.block;

import org.jspecify.annotations.NullMarked;
