package dev.vz.linux;

import dev.vz.error.HostException;
import dev.vz.linux.call.IoctlCalls;
import java.lang.foreign.MemorySegment;

/**
 * ioctl(2): device-specific requests on a descriptor.
 *
 * <p>
 * {@code call} is the raw form: it returns what the kernel returned, or the error number negated, and allocates
 * nothing, so that it can stand in a vCPU's run loop (measured by {@code IoctlBenchmark}). {@code checked} throws
 * instead. Neither repeats a call that a signal interrupted ({@link Errno#EINTR}): for KVM_RUN that is an answer. A
 * request number is passed as the 32 bits of the C constant; sign extension does no harm. Any thread may call; what two
 * calls at a time on one descriptor mean is the device's business.
 */
public final class Ioctl {

    private Ioctl() {}

    /**
     * Makes a request that takes an integer, or nothing.
     *
     * @param argument the third argument; 0 where the request takes none
     * @return the kernel's result, not negative, or the error number negated
     * @throws dev.vz.error.LifecycleException if {@code descriptor} is closed
     */
    public static int call(FileDescriptor descriptor, long request, long argument) {
        return IoctlCalls.ioctl(descriptor.value(), request, argument);
    }

    /**
     * Makes a request that takes a structure.
     *
     * @param argument native memory, at least as large as the structure; an arena it belongs to cannot be closed
     *                 during the call
     * @return the kernel's result, not negative, or the error number negated
     * @throws dev.vz.error.LifecycleException if {@code descriptor} is closed
     */
    public static int call(FileDescriptor descriptor, long request, MemorySegment argument) {
        return IoctlCalls.ioctl(descriptor.value(), request, argument);
    }

    /**
     * Like {@link #call(FileDescriptor, long, long)}, but throws.
     *
     * @param operation names the request in the exception, for example {@code "KVM_CREATE_VM"}
     * @throws HostException if the kernel refuses
     */
    public static int checked(String operation, FileDescriptor descriptor, long request, long argument) {
        return Errno.check(operation, descriptor, call(descriptor, request, argument));
    }

    /**
     * Like {@link #call(FileDescriptor, long, MemorySegment)}, but throws.
     *
     * @param operation names the request in the exception, for example {@code "KVM_GET_REGS"}
     * @throws HostException if the kernel refuses
     */
    public static int checked(String operation, FileDescriptor descriptor, long request, MemorySegment argument) {
        return Errno.check(operation, descriptor, call(descriptor, request, argument));
    }
}
