/**
 * Virtqueues, seen from the device (virtio 1.3, 2.6 to 2.8). {@link dev.vz.virtio.queue.QueueConfig} is what the driver is
 * still writing, {@link dev.vz.virtio.queue.QueueLayout} what it had written when it enabled the queue, and
 * {@link dev.vz.virtio.queue.Virtqueue} the working queue, split or packed. Everything the driver wrote is hostile: a rule
 * it breaks puts the queue into a fault that the device reports, and nothing is thrown.
 */
@NullMarked
package dev.vz.virtio.queue;

import org.jspecify.annotations.NullMarked;
