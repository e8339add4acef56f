/**
 * The devices that every PC has besides its serial ports: clock, keyboard controller, power management, reset, and the
 * ports that test programs write to. Each knows its registers, its interrupt line and, where it can end the machine, a
 * {@link dev.vz.machine.device.PowerControl}; none knows the board or the back end.
 */
@NullMarked
package dev.vz.machine.device;

import org.jspecify.annotations.NullMarked;
