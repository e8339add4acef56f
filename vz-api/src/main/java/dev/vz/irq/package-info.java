/**
 * Signals between device and guest. {@link dev.vz.irq.InterruptLine} and {@link dev.vz.irq.Msi} go from the device to
 * the guest, {@link dev.vz.irq.Doorbell} from the guest to the device. The records ending in {@code State} are what a
 * snapshot keeps of the interrupt controllers, the same for every back end.
 */
@NullMarked
package dev.vz.irq;

import org.jspecify.annotations.NullMarked;
