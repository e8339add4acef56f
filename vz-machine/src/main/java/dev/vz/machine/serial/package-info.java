/**
 * Serial ports. {@link dev.vz.machine.serial.Uart16550} is the chip that the guest sees,
 * {@link dev.vz.machine.serial.SerialLine} is whatever its wire leads to: a terminal, a buffer, nothing. Neither blocks the
 * other: each takes what it has room for and is told when the other has room again.
 */
@NullMarked
package dev.vz.machine.serial;

import org.jspecify.annotations.NullMarked;
