/**
 * The one clock of a machine on the software CPU: TSC, local APIC timers, PIT and kvmclock are all derived from it.
 * {@link dev.vz.emulator.clock.HostClock} follows the host; {@link dev.vz.emulator.clock.ManualClock} moves only when a
 * test says so. Timers belong to a clock and run their action on its thread.
 */
@NullMarked
package dev.vz.emulator.clock;

import org.jspecify.annotations.NullMarked;
