/**
 * MMX and SSE instructions, up to SSE4.2 with AES-NI, PCLMULQDQ and POPCNT, as static functions named after their
 * mnemonics. Functions of the form {@code long f(long a, long b)} work on 64 bits and serve MMX registers as well as either
 * half of an XMM register; functions that take the {@link dev.vz.emulator.fpu.FpuState} and a register number work on a
 * whole XMM register; floating-point functions also read and set MXCSR there and throw
 * {@link dev.vz.emulator.fpu.FpuState#simdException} for an unmasked exception. Nothing here touches guest memory:
 * callers load operands (a source operand of 128 bits comes as its low and high 64 bits) and store results.
 */
@NullMarked
package dev.vz.emulator.simd;

import org.jspecify.annotations.NullMarked;
