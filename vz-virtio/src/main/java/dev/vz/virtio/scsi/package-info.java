/**
 * The SCSI host adapter (virtio 1.3, 5.6) with disks. {@link dev.vz.virtio.scsi.ScsiHost} is the device, with one
 * {@link dev.vz.virtio.scsi.ScsiDisk} for each target; a disk answers the commands of SPC-4 and SBC-3 that drivers of disks
 * send, and says in sense data what it does not. Drivers that know nothing but SCSI find their disks here; others do better
 * with {@code dev.vz.virtio.block}.
 */
@NullMarked
package dev.vz.virtio.scsi;

import org.jspecify.annotations.NullMarked;
