package dev.vz.linux.call;

import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.MemorySegment;

/** io_uring, whose calls the C library does not wrap. Every method returns the call's result, or errno negated. */
public final class RingCalls {

    private RingCalls() {}

    /** io_uring_setup(2). */
    public static int setup(int entries, MemorySegment parameters) {
        return (int) CallState.current().callLong(Words.SYSCALL, LinuxHeaders.__NR_io_uring_setup(), entries,
                parameters.address(), 0, 0, 0);
    }

    /** io_uring_enter(2) without a signal mask, so its size does not matter. */
    public static int enter(int ring, int toSubmit, int minComplete, int flags) {
        return (int) CallState.current().callLong(Words.SYSCALL, LinuxHeaders.__NR_io_uring_enter(), ring, toSubmit,
                minComplete, flags, 0);
    }

    /** io_uring_register(2). */
    public static int register(int ring, int operation, long argument, int count) {
        return (int) CallState.current().callLong(Words.SYSCALL, LinuxHeaders.__NR_io_uring_register(), ring,
                operation, argument, count, 0);
    }

    private static final class Words {
        static final NativeFunction SYSCALL = Linkage.words("syscall");
    }
}
