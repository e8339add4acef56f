package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;

/** Makes the executable form of the instructions with one mnemonic. */
@FunctionalInterface
interface OpFactory {

    /** The executable form of {@code in}, from {@code ip} up to {@code nextIp}. */
    Op build(Instruction in, long ip, long nextIp);
}
