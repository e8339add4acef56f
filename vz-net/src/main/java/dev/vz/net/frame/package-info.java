/**
 * Frames that have to wait: bounded stores and queues of copies, with their 12-byte virtio network header in front.
 * Memory is off-heap, taken in blocks, reused and bounded; a frame that does not fit is refused, never half kept. Nothing
 * here is thread-safe: its owner holds a lock.
 */
@NullMarked
package dev.vz.net.frame;

import org.jspecify.annotations.NullMarked;
