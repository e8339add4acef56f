/**
 * Virtio devices on a board. {@link dev.vz.machine.virtio.VirtioSlots} gives a device a place on the PCI bus or a page of
 * registers of its own, a thread to work on, and the shortest ways to and from the guest that the back end has. The devices
 * themselves, and both transports, are in {@code dev.vz.virtio}.
 */
@NullMarked
package dev.vz.machine.virtio;

import org.jspecify.annotations.NullMarked;
