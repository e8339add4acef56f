/**
 * Translation of hot guest code to JVM bytecode: regions of a few dozen blocks become one method each, made by a background
 * thread and entered through the same chain of instructions that the interpreter follows. What a region does not do by
 * itself it leaves to the interpreter's operations, and wherever an access does not meet the TLB it hands the instruction
 * back to the interpreter, with all registers in place. {@link dev.vz.emulator.translator.RegionCache} is the way in; all
 * else stays inside.
 */
@NullMarked
package dev.vz.emulator.translator;

import org.jspecify.annotations.NullMarked;
