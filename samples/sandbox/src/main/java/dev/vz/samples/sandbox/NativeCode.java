package dev.vz.samples.sandbox;

import dev.vz.error.HostException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Machine code run by this process itself, without a sandbox: what the sandbox's speed is compared with. Takes one long,
 * returns one long, by the System V calling convention.
 */
final class NativeCode implements AutoCloseable {

    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int PROT_EXEC = 4;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final long SIZE = 0x1000;

    private final MethodHandle munmap;
    private final MethodHandle function;
    private final MemorySegment page;

    /** Makes {@code code}, up to 4096 bytes that end in {@code ret}, callable. */
    NativeCode(byte[] code) {
        Linker linker = Linker.nativeLinker();
        MethodHandle mmap = find(linker, "mmap", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG));
        MethodHandle mprotect = find(linker, "mprotect",
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        munmap = find(linker, "munmap",
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
        page = ((MemorySegment) invoke("mmap", mmap, 0L, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0L)).reinterpret(SIZE);
        MemorySegment.copy(code, 0, page, ValueLayout.JAVA_BYTE, 0, code.length);
        if ((int) invoke("mprotect", mprotect, page, SIZE, PROT_READ | PROT_EXEC) != 0) {
            throw new HostException("mprotect", "4096 bytes of code to run natively", 0, "refused",
                    "allow this process to execute memory that it wrote");
        }
        function = linker.downcallHandle(page, FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    }

    private static MethodHandle find(Linker linker, String name, FunctionDescriptor descriptor) {
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    private static Object invoke(String name, MethodHandle handle, Object... arguments) {
        try {
            return handle.invokeWithArguments(arguments);
        } catch (Throwable failure) {
            throw new HostException("calling a native function", name, failure);
        }
    }

    /** Runs it. */
    long call(long argument) {
        return (long) invoke("code", function, argument);
    }

    @Override
    public void close() {
        invoke("munmap", munmap, page, SIZE);
    }
}
