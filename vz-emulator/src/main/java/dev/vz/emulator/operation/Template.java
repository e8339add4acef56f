package dev.vz.emulator.operation;

import dev.vz.emulator.cpu.Op;
import dev.vz.emulator.decode.Instruction;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

/**
 * Makes variants of an instruction class.
 *
 * <p>
 * A template is a class that is written once for, say, all arithmetic between two registers, and reads operation and width
 * from {@code static final} constants. Each variant is a hidden class from the template's own bytes, with its constants as
 * class data, so that the compiler sees one operation at one width. One class that switched on fields would be called with
 * all operations mixed, and pay a mispredicted branch in most instructions.
 */
final class Template {

    private final MethodHandles.Lookup lookup;
    private final byte[] bytes;
    private final ConcurrentMap<TemplateOp.Constants, TemplateOp> prototypes = new ConcurrentHashMap<>();

    /**
     * A template.
     *
     * @param lookup of this package
     * @param template a class with a constructor without parameters
     */
    Template(MethodHandles.Lookup lookup, Class<? extends TemplateOp> template) {
        this.lookup = lookup;
        String name = template.getName();
        String file = name.substring(name.lastIndexOf('.') + 1) + ".class";
        try (InputStream in = template.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("The class file " + file + " cannot be read by its own module");
            }
            bytes = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException("Reading the class file " + file, e);
        }
    }

    /** An instruction of the variant with these constants, each 0 to 255. */
    Op make(Instruction in, long ip, long nextIp, int first, int second, int third) {
        return make(in, ip, nextIp, null, first, second, third);
    }

    /** The same, with the function that does the work. */
    Op make(Instruction in, long ip, long nextIp, @Nullable MethodHandle function, int first, int second, int third) {
        var key = new TemplateOp.Constants(first | second << 8 | third << 16, function);
        TemplateOp prototype = prototypes.get(key);
        if (prototype == null) {
            prototype = prototypes.computeIfAbsent(key, this::define);
        }
        TemplateOp op = prototype.fresh();
        op.ip = ip;
        op.nextIp = nextIp;
        op.operands(in);
        return op;
    }

    private TemplateOp define(TemplateOp.Constants constants) {
        try {
            Class<?> variant = lookup.defineHiddenClassWithClassData(bytes, constants, true).lookupClass();
            return (TemplateOp) variant.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("Making a variant of an instruction class", e);
        }
    }
}
