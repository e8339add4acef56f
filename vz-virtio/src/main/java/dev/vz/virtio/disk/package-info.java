/**
 * What the devices that are disks share: a request between its ring and the host's disk
 * ({@link dev.vz.virtio.disk.DiskRequest}), and a queue's requests ({@link dev.vz.virtio.disk.RequestPool}). Neither
 * knows a format of requests, which is the devices' own. It is not exported: the devices themselves are in {@code dev.vz.virtio.block} and {@code dev.vz.virtio.scsi}.
 */
@NullMarked
package dev.vz.virtio.disk;

import org.jspecify.annotations.NullMarked;
