/**
 * The state of one virtual CPU, and the parts of the architecture that many instructions share: flags, segmentation,
 * control registers, the delivery of exceptions and interrupts, privilege and task changes. The instructions themselves are
 * {@link dev.vz.emulator.cpu.Op}s in the packages beside this one; {@link dev.vz.emulator.cpu.Interpreter} runs them.
 */
@NullMarked
package dev.vz.emulator.cpu;

import org.jspecify.annotations.NullMarked;
