/**
 * Memory that comes and goes in blocks while the guest runs (virtio 1.3, 5.15).
 * {@link dev.vz.virtio.mem.PluggableMemoryDevice} is the device: the host says how much the guest should have, the guest plugs
 * and unplugs until it is so. The blocks lie in one region, which bounds what the guest can ever get.
 */
@NullMarked
package dev.vz.virtio.mem;

import org.jspecify.annotations.NullMarked;
