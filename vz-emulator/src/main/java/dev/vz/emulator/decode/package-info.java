/**
 * From instruction bytes to {@link dev.vz.emulator.decode.Instruction}: prefixes, opcode, ModRM, SIB, displacement,
 * immediates. The opcode maps are text tables beside the classes, read once by {@link dev.vz.emulator.decode.OpcodeTable};
 * nothing here knows what an instruction does. {@link dev.vz.emulator.decode.Disassembly} writes instructions as text.
 */
@NullMarked
package dev.vz.emulator.decode;

import org.jspecify.annotations.NullMarked;
