package dev.vz.emulator.translator;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.AccessFlag;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.List;

/**
 * The same accesses as {@link GuestAccess} and {@link OrderedAccess}, which HotSpot does not take into their callers. What it
 * takes in of one access is some 700 bytes of bytecode, and compiling them is most of what a region costs: one whose accesses
 * are calls is compiled several times faster, and is nearly as fast as long as few of its instructions matter.
 *
 * <p>
 * HotSpot has no word for this in a program. It does leave alone what is longer than it takes in anywhere, so these methods
 * are made that long, with instructions that do nothing.
 */
final class DistantAccess {

    /** More than {@code FreqInlineSize}, 325 bytes, the most that is taken into a caller. */
    private static final int LENGTH = 330;

    static final ClassDesc PLAIN = make("DistantGuestAccess", GuestAccess.class);
    static final ClassDesc ORDERED = make("DistantOrderedAccess", OrderedAccess.class);

    private DistantAccess() {}

    private static ClassDesc make(String name, Class<?> near) {
        String whole = DistantAccess.class.getPackageName() + "." + name;
        var desc = ClassDesc.of(whole);
        byte[] bytes = ClassFile.of().build(desc, builder -> {
            builder.withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC);
            for (Method method : near.getDeclaredMethods()) {
                if (Modifier.isStatic(method.getModifiers()) && !Modifier.isPrivate(method.getModifiers())) {
                    forward(builder, ClassDesc.of(near.getName()), method);
                }
            }
        });
        try {
            MethodHandles.lookup().defineClass(bytes);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException("Defining " + whole, e);
        }
        return desc;
    }

    private static void forward(ClassBuilder builder, ClassDesc near, Method method) {
        ClassDesc result = method.getReturnType().describeConstable().orElseThrow();
        List<ClassDesc> parameters = List.of(method.getParameterTypes()).stream()
                .map(type -> type.describeConstable().orElseThrow()).toList();
        var type = MethodTypeDesc.of(result, parameters);
        builder.withMethodBody(method.getName(), type, ClassFile.ACC_STATIC, code -> {
            for (int i = 0; i < LENGTH; i++) {
                code.nop();
            }
            for (int i = 0; i < parameters.size(); i++) {
                code.loadLocal(TypeKind.from(parameters.get(i)), code.parameterSlot(i));
            }
            code.invokestatic(near, method.getName(), type);
            code.return_(TypeKind.from(result));
        });
    }
}
