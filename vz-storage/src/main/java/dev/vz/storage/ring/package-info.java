/**
 * Disks straight on a file or block device of the host, through io_uring. {@link dev.vz.storage.ring.RingDisk} keeps many
 * requests under way with one thread, with or without the host's page cache. Where io_uring is forbidden, opening says so;
 * a {@link dev.vz.storage.DiskImage} on threads does the same work.
 */
@NullMarked
package dev.vz.storage.ring;

import org.jspecify.annotations.NullMarked;
