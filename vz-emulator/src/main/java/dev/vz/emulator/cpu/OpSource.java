package dev.vz.emulator.cpu;

import dev.vz.emulator.decode.Instruction;

/** Makes executable instructions of decoded ones. Thread-safe. */
public interface OpSource {

    /**
     * The executable form of {@code instruction} as it is executed in {@code instruction.codeSize}-bit code.
     *
     * @param ip offset of the instruction in its segment
     * @param nextIp offset of the one behind it
     */
    Op build(Instruction instruction, long ip, long nextIp);

    /** An instruction that raises an exception. */
    Op raise(int vector, long ip);

    /** Goes on at {@code target}: ends a block that is cut off before a branch. */
    Op proceed(long target);
}
