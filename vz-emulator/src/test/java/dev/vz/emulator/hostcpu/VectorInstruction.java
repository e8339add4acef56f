package dev.vz.emulator.hostcpu;

import java.util.HexFormat;
import java.util.function.Consumer;

/**
 * One encoding of an MMX or SSE instruction and its model. Unless an entry says otherwise, the destination is register 0
 * and the source register 1 (ModRM 0xC1).
 *
 * @param name mnemonic in lower case, the name of the function that models it
 * @param code bytes of the instruction
 * @param operands makes up states
 * @param model what it does to a state
 */
public record VectorInstruction(String name, byte[] code, Comparison.Generator operands, Consumer<MachineCase> model) {

    private static final int SIGFPE = 8;

    /** An instruction given by its bytes in hexadecimal, spaces allowed. */
    public static VectorInstruction of(String name, String hex, Comparison.Generator operands,
            Consumer<MachineCase> model) {
        return new VectorInstruction(name, HexFormat.of().parseHex(hex.replace(" ", "")), operands, model);
    }

    /** Executes the model; an unmasked exception becomes the signal that the host gets. */
    public void execute(MachineCase c) {
        try {
            model.accept(c);
        } catch (RuntimeException thrown) {
            if (thrown != c.fpu.simdException) {
                throw thrown;
            }
            c.signal = SIGFPE;
        }
    }
}
