/**
 * The port and MMIO address spaces: who answers an access. A {@link dev.vz.bus.BusDevice} knows only offsets into its
 * own range; {@link dev.vz.bus.IoBus} finds it, refuses overlaps, and takes it off again without cutting an access in
 * flight.
 */
@NullMarked
package dev.vz.bus;

import org.jspecify.annotations.NullMarked;
