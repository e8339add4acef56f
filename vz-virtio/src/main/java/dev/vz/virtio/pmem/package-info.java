/**
 * Persistent memory (virtio 1.3, 5.19): a file of the host's that the guest maps instead of reading it, and a queue on which
 * the guest asks for it to be written back. {@link dev.vz.virtio.pmem.PersistentMemoryDevice} is all there is to use. The
 * memory itself is a region of the guest's, which the device is given.
 */
@NullMarked
package dev.vz.virtio.pmem;

import org.jspecify.annotations.NullMarked;
