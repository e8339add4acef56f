/**
 * Keyboard and pointer (virtio 1.3, 5.8). {@link dev.vz.virtio.input.InputDevice} is the device, and at the same time the
 * {@link dev.vz.display.InputSink} that whoever shows the guest's screen gives keys and positions to. Events that no driver
 * fetches are dropped in whole groups.
 */
@NullMarked
package dev.vz.virtio.input;

import org.jspecify.annotations.NullMarked;
