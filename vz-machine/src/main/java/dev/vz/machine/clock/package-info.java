/**
 * The time that a machine's devices live by. {@link dev.vz.machine.clock.MachineClock} gives monotonic and calendar time
 * and timers; {@link dev.vz.machine.clock.SystemClock} is the host's, {@link dev.vz.machine.clock.ManualClock} moves only
 * when a test says so. Devices keep their timers and arm them again and again, so that no access allocates.
 */
@NullMarked
package dev.vz.machine.clock;

import org.jspecify.annotations.NullMarked;
