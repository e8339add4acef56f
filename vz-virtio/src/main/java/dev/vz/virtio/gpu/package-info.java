/**
 * The graphics device (virtio 1.3, 5.7), two-dimensional: the guest draws into its own memory and says what has changed,
 * and a {@link dev.vz.display.Screen} shows it. {@link dev.vz.virtio.gpu.GpuDevice} is the device. Pictures take memory of
 * the host, of which a guest gets a fixed amount.
 */
@NullMarked
package dev.vz.virtio.gpu;

import org.jspecify.annotations.NullMarked;
