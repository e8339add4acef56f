/**
 * The interrupt controllers and the interval timer of a PC, for the software CPU: local APIC with all timer modes and
 * x2APIC, I/O APIC, a pair of 8259As, an 8254. A processor is seen through
 * {@link dev.vz.emulator.irq.LocalApic.Processor} only, so all of it is tested without one.
 */
@NullMarked
package dev.vz.emulator.irq;

import org.jspecify.annotations.NullMarked;
