/**
 * A watchdog: a device that a guest has to touch from time to time, and that acts if it does not.
 * {@link dev.vz.machine.watchdog.IntelWatchdog} is the one that guests have a driver for, as a PCI function;
 * {@link dev.vz.machine.watchdog.WatchdogAction} says what it does to the machine. Plug it into
 * {@link dev.vz.machine.BuiltMachine#pci()}.
 */
@NullMarked
package dev.vz.machine.watchdog;

import org.jspecify.annotations.NullMarked;
