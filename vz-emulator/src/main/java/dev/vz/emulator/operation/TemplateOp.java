package dev.vz.emulator.operation;

import dev.vz.emulator.decode.Instruction;
import java.lang.invoke.MethodHandles;

/** An instruction whose class exists once for each variant of its constants; see {@link Template}. */
abstract class TemplateOp extends MemoryOp {

    /** Another instruction of the same class. */
    abstract TemplateOp fresh();

    /** Takes over the operands. {@link #ip} and {@link #nextIp} are set. */
    abstract void operands(Instruction in);

    /** Constant {@code index} of the variant that the class behind {@code lookup} is; 0 in the template itself. */
    static int constant(MethodHandles.Lookup lookup, int index) {
        try {
            Integer packed = MethodHandles.classData(lookup, "_", Integer.class);
            return packed == null ? 0 : packed >>> 8 * index & 0xFF;
        } catch (IllegalAccessException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
