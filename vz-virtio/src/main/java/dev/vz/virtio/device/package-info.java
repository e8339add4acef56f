/**
 * The device model: what every virtio device is, whatever carries it. A {@link dev.vz.virtio.device.VirtioDevice} works on
 * {@link dev.vz.virtio.device.QueueBatch}es; {@link dev.vz.virtio.device.DeviceHost} holds what the driver has done to it
 * so far (status, features, queues) and {@link dev.vz.virtio.device.WorkerLoop} runs its queues. Transports put registers in
 * front of a host and interrupts behind it; devices never see either.
 */
@NullMarked
package dev.vz.virtio.device;

import org.jspecify.annotations.NullMarked;
