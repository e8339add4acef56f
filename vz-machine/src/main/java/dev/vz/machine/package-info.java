/**
 * A PC, from its description to its end. {@link dev.vz.machine.MachineDescription} says what it is to be,
 * {@link dev.vz.machine.Machine} builds it on any {@link dev.vz.hypervisor.Hypervisor}, {@link dev.vz.machine.BuiltMachine}
 * takes further devices, and {@link dev.vz.machine.RunningMachine} is the handle of one that runs. These are different
 * types, so what makes no sense at some point of a machine's life cannot be written down.
 */
@NullMarked
package dev.vz.machine;

import org.jspecify.annotations.NullMarked;
