package dev.vz.emulator.operation;

import dev.vz.emulator.fpu.FpuState;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;

/** Finds the functions that do the work of vector instructions, and brings their parameters into one of few orders. */
final class Functions {

    /** {@code long f(long a, long b)}. */
    static final MethodType LANES = MethodType.methodType(long.class, long.class, long.class);
    /** {@code void f(FpuState s, int d, long lo, long hi, int control)}. */
    static final MethodType WHOLE = MethodType.methodType(void.class, FpuState.class, int.class, long.class, long.class,
            int.class);
    /** {@code long f(FpuState s, long a, long b, int control)}. */
    static final MethodType DOUBLE = MethodType.methodType(long.class, FpuState.class, long.class, long.class,
            int.class);
    /** {@code int f(FpuState s, int a, int b, int control)}. */
    static final MethodType SINGLE = MethodType.methodType(int.class, FpuState.class, int.class, int.class, int.class);
    /** {@code long f(long a, long b, int control)}. */
    static final MethodType LANES_CONTROL = MethodType.methodType(long.class, long.class, long.class, int.class);

    private Functions() {}

    /** The function {@code name} of {@code holder} with exactly that type. */
    static MethodHandle find(Class<?> holder, String name, MethodType type) {
        try {
            return MethodHandles.lookup().findStatic(holder, name, type);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("There is no function " + name + type + " in " + holder.getName(), e);
        }
    }

    /** The function of that name as {@link #WHOLE}; it may have fewer of the last parameters. */
    static MethodHandle whole(Class<?> holder, String name) {
        List<MethodType> shorter = List.of(WHOLE, WHOLE.dropParameterTypes(4, 5), WHOLE.dropParameterTypes(3, 5));
        for (MethodType type : shorter) {
            try {
                MethodHandle found = MethodHandles.lookup().findStatic(holder, name, type);
                int count = type.parameterCount();
                return MethodHandles.dropArguments(found, count, WHOLE.parameterList().subList(count, 5));
            } catch (NoSuchMethodException e) {
                // the next type may fit
            } catch (IllegalAccessException e) {
                throw new IllegalStateException(e);
            }
        }
        throw new IllegalStateException("There is no whole-register function " + name + " in " + holder.getName());
    }

    /** The function of that name as {@link #DOUBLE} or {@link #SINGLE}: of both operands, of both and a control. */
    static MethodHandle scalar(Class<?> holder, String name, MethodType type, boolean control) {
        if (control) {
            return find(holder, name, type);
        }
        return MethodHandles.dropArguments(find(holder, name, type.dropParameterTypes(3, 4)), 3, int.class);
    }

    /** The function of the source alone, as {@link #DOUBLE} or {@link #SINGLE}. */
    static MethodHandle ofSource(Class<?> holder, String name, MethodType type, boolean state, boolean control) {
        Class<?> number = type.returnType();
        MethodType actual = MethodType.methodType(number, number);
        if (state) {
            actual = actual.insertParameterTypes(0, FpuState.class);
        }
        if (control) {
            actual = actual.appendParameterTypes(int.class);
        }
        MethodHandle found = find(holder, name, actual);
        if (!state) {
            found = MethodHandles.dropArguments(found, 0, FpuState.class);
        }
        if (!control) {
            found = MethodHandles.dropArguments(found, 2, int.class);
        }
        return MethodHandles.dropArguments(found, 1, number);
    }
}
