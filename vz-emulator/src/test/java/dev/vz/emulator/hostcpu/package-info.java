/**
 * The host's processor as a judge of single instructions. {@link dev.vz.emulator.hostcpu.HostCpu} executes an instruction
 * on a batch of register states, {@link dev.vz.emulator.hostcpu.Comparison} does the same in Java and reports where the two
 * disagree, and the generators make up operands that lean toward the odd ones. Only tests live here.
 */
@NullMarked
package dev.vz.emulator.hostcpu;

import org.jspecify.annotations.NullMarked;
