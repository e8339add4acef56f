package dev.vz.emulator.operation;

import dev.vz.emulator.decode.Instruction;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** An instruction whose class exists once for each variant of its constants; see {@link Template}. */
abstract class TemplateOp extends MemoryOp {

    /** Another instruction of the same class. */
    abstract TemplateOp fresh();

    /** Takes over the operands. {@link #ip} and {@link #nextIp} are set. */
    abstract void operands(Instruction in);

    /** What makes a variant: three numbers of 0 to 255, packed, and the function that does the work, if there is one. */
    record Constants(int packed, @Nullable MethodHandle function) {}

    private static final Constants NONE = new Constants(0, null);

    private static Constants constants(MethodHandles.Lookup lookup) {
        try {
            Constants constants = MethodHandles.classData(lookup, "_", Constants.class);
            return constants == null ? NONE : constants;
        } catch (IllegalAccessException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Constant {@code index} of the variant that the class behind {@code lookup} is; 0 in the template itself. */
    static int constant(MethodHandles.Lookup lookup, int index) {
        return constants(lookup).packed >>> 8 * index & 0xFF;
    }

    /** The function of the variant that the class behind {@code lookup} is; {@code null} only in the template itself. */
    static MethodHandle function(MethodHandles.Lookup lookup) {
        MethodHandle function = constants(lookup).function;
        return function == null ? MethodHandles.zero(void.class) : function;
    }
}
