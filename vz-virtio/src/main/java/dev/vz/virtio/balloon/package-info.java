/**
 * The memory balloon (virtio 1.3, 5.5) and what the host does with it. {@link dev.vz.virtio.balloon.BalloonDevice} is the
 * device: it asks the guest for pages, gives them back to the host, and passes on statistics and hints.
 * {@link dev.vz.virtio.balloon.MemoryPolicy} says how much a machine should have, and
 * {@link dev.vz.virtio.balloon.MemoryGovernor} makes several machines share a {@link dev.vz.memory.MemoryBudget}.
 */
@NullMarked
package dev.vz.virtio.balloon;

import org.jspecify.annotations.NullMarked;
