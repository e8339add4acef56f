package dev.vz.linux.call;

import dev.vz.error.CapabilityException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Links functions of the C library, each in one of four shapes.
 *
 * <p>
 * Integers and pointers travel in the same registers, so one shape of six {@code long}s serves every function of up to
 * six such parameters: the callee reads the registers that its prototype names and no others, on both the System V AMD64
 * and the AAPCS64 convention, and the variadic integers of openat and fcntl travel in them too. Pointers into memory that other threads could unmap meanwhile go through {@link #data}:
 * there the linker keeps the segment alive during the call.
 */
final class Linkage {

    private static final Linker LINKER = Linker.nativeLinker();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final Linker.Option IOCTL_VARIADIC = Linker.Option.firstVariadicArg(2);

    private static final FunctionDescriptor WORDS = FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);
    private static final FunctionDescriptor DATA = FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);
    private static final FunctionDescriptor IOCTL_WORD = FunctionDescriptor.of(ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG);
    private static final FunctionDescriptor IOCTL_DATA = FunctionDescriptor.of(ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS);

    private Linkage() {}

    /** {@code (state, long, long, long, long, long, long) -> long}. */
    static NativeFunction words(String function) {
        return new NativeFunction(link(function, WORDS, ERRNO));
    }

    /** {@code (state, long, MemorySegment, long, long, long, long) -> long}. */
    static NativeFunction data(String function) {
        return new NativeFunction(link(function, DATA, ERRNO));
    }

    /**
     * {@code (state, long, MemorySegment, long offset, long length, long) -> long}: the function gets the piece's address,
     * its length, and the last.
     */
    static NativeFunction piece(String function) {
        MethodHandle call = link(function, DATA, ERRNO);
        MethodHandle withPiece = MethodHandles.collectArguments(call, 2, Views.SLICE);
        MethodType type = MethodType.methodType(long.class, MemorySegment.class, long.class, MemorySegment.class,
                long.class, long.class, long.class);
        // state, a, (segment, offset, length), length, d, and two that no function of this shape reads
        MethodHandle shorter = MethodHandles.insertArguments(withPiece, 7, 0L, 0L);
        return new NativeFunction(MethodHandles.permuteArguments(shorter, type, 0, 1, 2, 3, 4, 4, 5));
    }

    /** {@code (state, int descriptor, long request, long argument) -> int}. */
    static NativeFunction ioctlWord() {
        return new NativeFunction(link("ioctl", IOCTL_WORD, ERRNO, IOCTL_VARIADIC));
    }

    /** {@code (state, int descriptor, long request, MemorySegment argument) -> int}. */
    static NativeFunction ioctlData() {
        return new NativeFunction(link("ioctl", IOCTL_DATA, ERRNO, IOCTL_VARIADIC));
    }

    /** Apart: only the calls that take pieces look it up. */
    private static final class Views {
        static final MethodHandle SLICE;

        static {
            try {
                SLICE = MethodHandles.lookup().findVirtual(MemorySegment.class, "asSlice",
                        MethodType.methodType(MemorySegment.class, long.class, long.class));
            } catch (ReflectiveOperationException impossible) {
                throw new ExceptionInInitializerError(impossible);
            }
        }
    }

    private static MethodHandle link(String function, FunctionDescriptor shape, Linker.Option... options) {
        var address = LINKER.defaultLookup().find(function).orElseThrow(() -> new CapabilityException(
                "The C library of this host has no function " + function + "; glibc 2.34 or newer is needed"));
        return LINKER.downcallHandle(address, shape, options);
    }
}
