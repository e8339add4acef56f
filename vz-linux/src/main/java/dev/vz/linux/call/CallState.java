package dev.vz.linux.call;

import dev.vz.linux.NativeAccess;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.VarHandle;

/**
 * What one thread needs to make calls without allocating: the segment that receives errno, and scratch space for small
 * arguments.
 *
 * <p>
 * Lives as long as its thread. The scratch space belongs to the call being made: no method that uses it calls another
 * that does.
 */
public final class CallState {

    /** Bytes of scratch space, enough for every small fixed-size argument (the largest is a statx with its path). */
    static final long SCRATCH_SIZE = 512;

    private static final ThreadLocal<CallState> CURRENT = ThreadLocal.withInitial(CallState::new);

    private final MemorySegment capture;
    private final MemorySegment scratch;

    private CallState() {
        NativeAccess.require();
        var arena = Arena.ofAuto();
        capture = arena.allocate(Layout.CAPTURE);
        scratch = arena.allocate(SCRATCH_SIZE, 16);
    }

    /** The calling thread's state. */
    public static CallState current() {
        return CURRENT.get();
    }

    /** Where a downcall leaves errno. */
    MemorySegment capture() {
        return capture;
    }

    /** {@value #SCRATCH_SIZE} bytes, aligned to 16, contents undefined. */
    public MemorySegment scratch() {
        return scratch;
    }

    /** The address of {@link #scratch()}. */
    public long scratchAddress() {
        return scratch.address();
    }

    /** The error number that the last failed downcall left. */
    int errno() {
        return (int) Layout.ERRNO.get(capture, 0L);
    }

    // A caller writes CallState.current().callInt(Words.CLOSE, ...): the receiver, and with it the check for native
    // access, comes before the class that links the function.

    /** Calls a function of the {@link Linkage#words} shape that returns an {@code int}. Result, or errno negated. */
    int callInt(NativeFunction function, long a, long b, long c, long d, long e, long f) {
        try {
            // The upper half of the result register is undefined.
            int result = (int) (long) function.handle().invokeExact(capture, a, b, c, d, e, f);
            return result == -1 ? -errno() : result;
        } catch (Throwable thrown) {
            throw rethrow(thrown);
        }
    }

    /** Calls a function of the {@link Linkage#words} shape that returns a {@code long}. Result, or errno negated. */
    long callLong(NativeFunction function, long a, long b, long c, long d, long e, long f) {
        try {
            long result = (long) function.handle().invokeExact(capture, a, b, c, d, e, f);
            return result == -1 ? -errno() : result;
        } catch (Throwable thrown) {
            throw rethrow(thrown);
        }
    }

    /** Calls a function of the {@link Linkage#data} shape that returns a {@code long}. Result, or errno negated. */
    long callData(NativeFunction function, long a, MemorySegment b, long c, long d, long e) {
        try {
            long result = (long) function.handle().invokeExact(capture, a, b, c, d, e, 0L);
            return result == -1 ? -errno() : result;
        } catch (Throwable thrown) {
            throw rethrow(thrown);
        }
    }

    /**
     * Calls a function of the {@link Linkage#piece} shape with the {@code length} bytes of {@code b} from {@code offset}.
     * Result, or errno negated.
     */
    long callPiece(NativeFunction function, long a, MemorySegment b, long offset, long length, long d) {
        try {
            long result = (long) function.handle().invokeExact(capture, a, b, offset, length, d);
            return result == -1 ? -errno() : result;
        } catch (Throwable thrown) {
            throw rethrow(thrown);
        }
    }

    int callInt(NativeFunction function, long a) {
        return callInt(function, a, 0, 0, 0, 0, 0);
    }

    int callInt(NativeFunction function, long a, long b) {
        return callInt(function, a, b, 0, 0, 0, 0);
    }

    int callInt(NativeFunction function, long a, long b, long c) {
        return callInt(function, a, b, c, 0, 0, 0);
    }

    int callInt(NativeFunction function, long a, long b, long c, long d) {
        return callInt(function, a, b, c, d, 0, 0);
    }

    /** A downcall throws only for a segment that is closed, of another thread or on the heap: the caller's mistake. */
    static RuntimeException rethrow(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            return exception;
        }
        return new IllegalStateException("A downcall raised a checked exception", thrown);
    }

    /** Apart, so that the linker is first touched after the check for native access. */
    private static final class Layout {
        static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
        static final VarHandle ERRNO = CAPTURE.varHandle(PathElement.groupElement("errno"));
    }
}
