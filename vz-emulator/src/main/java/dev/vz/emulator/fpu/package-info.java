/**
 * The x87 floating-point unit and the state it shares with MMX and SSE. {@link dev.vz.emulator.fpu.FpuState} holds the
 * registers, {@link dev.vz.emulator.fpu.SoftFloat} computes with 80-bit operands, and the {@code X87…} classes hold one
 * static function per instruction, which {@link dev.vz.emulator.fpu.X87Escapes} finds by opcode. Nothing here touches
 * guest memory or raises a processor exception: callers load operands, store results and look at the status word.
 */
@NullMarked
package dev.vz.emulator.fpu;

import org.jspecify.annotations.NullMarked;
