/**
 * Saving and restoring devices. A device that can be snapshotted is {@link dev.vz.state.Stateful} and its state is one
 * versioned record of plain values. How the record is written (JSON) is the business of the machine, not of the device.
 */
@NullMarked
package dev.vz.state;

import org.jspecify.annotations.NullMarked;
