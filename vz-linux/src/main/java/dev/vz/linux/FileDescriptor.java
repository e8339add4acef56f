package dev.vz.linux;

import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import dev.vz.linux.call.FileCalls;
import dev.vz.linux.call.NativeStrings;
import dev.vz.linux.generated.LinuxHeaders;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * An open file descriptor with one owner.
 *
 * <p>
 * Thread-safe. Of several threads that close, exactly one closes the number; from then on {@link #value()} throws, so a
 * number that the kernel has given to somebody else is never used by mistake. A call that another thread has already
 * begun goes on: whoever closes first ends the threads that use the descriptor, as with every resource of the house.
 */
public final class FileDescriptor implements AutoCloseable {

    private static final int CLOSED = -1;
    private static final VarHandle NUMBER;

    static {
        try {
            NUMBER = MethodHandles.lookup().findVarHandle(FileDescriptor.class, "number", int.class);
        } catch (ReflectiveOperationException impossible) {
            throw new ExceptionInInitializerError(impossible);
        }
    }

    @SuppressWarnings("FieldMayBeFinal") // written through NUMBER
    private volatile int number;
    private final int original;
    private final boolean owned;
    private final String description;

    private FileDescriptor(int number, boolean owned, String description) {
        NativeAccess.require();
        if (number < 0) {
            throw new IllegalArgumentException("A file descriptor is not negative, got " + number + " for "
                    + description);
        }
        this.number = number;
        this.original = number;
        this.owned = owned;
        this.description = description;
    }

    /**
     * Takes over an open descriptor: closing this object closes it.
     *
     * @param number      the descriptor, as a call returned it
     * @param description what it is, for errors: {@code "/dev/kvm"}, {@code "eventfd"}
     */
    public static FileDescriptor adopt(int number, String description) {
        return new FileDescriptor(number, true, description);
    }

    /**
     * Opens {@code path}, closed on exec.
     *
     * @throws HostException if the kernel refuses, for example with {@code ENOENT} or {@code EACCES}
     */
    public static FileDescriptor open(Path path, OpenFlag... flags) {
        return open(path, 0, flags);
    }

    /**
     * Opens {@code path}, closed on exec, and creates it where {@link OpenFlag#CREATE} says so.
     *
     * @param mode the permission bits of a new file, for example {@code 0600}, before the umask
     * @throws HostException if the kernel refuses
     */
    public static FileDescriptor open(Path path, int mode, OpenFlag... flags) {
        NativeAccess.require();
        int bits = OpenFlag.bits(flags) | LinuxHeaders.O_CLOEXEC();
        int result;
        try (var local = Arena.ofConfined()) {
            // The path's bytes as the JVM itself writes them when it opens files.
            MemorySegment name = local.allocateFrom(path.toString(), NativeStrings.FILE_NAMES);
            do {
                result = FileCalls.openat(LinuxHeaders.AT_FDCWD(), name, bits, mode);
            } while (result == -Errno.EINTR);
        }
        if (result < 0) {
            throw Errno.failure("open " + Arrays.toString(flags), path, result);
        }
        return adopt(result, path.toString());
    }

    /** A view of a descriptor that somebody else owns, such as 0 for standard input: closing only ends the view. */
    public static FileDescriptor borrow(int number, String description) {
        return new FileDescriptor(number, false, description);
    }

    /**
     * The number to pass to a call.
     *
     * @throws LifecycleException if closed
     */
    public int value() {
        int now = number;
        if (now == CLOSED) {
            throw new LifecycleException(this + " is closed; it cannot be used any more");
        }
        return now;
    }

    /** Whether it has not been closed or released yet. */
    public boolean isOpen() {
        return number != CLOSED;
    }

    /** What it is, as its opener said. */
    public String description() {
        return description;
    }

    /**
     * A second descriptor for the same open file, closed on exec, with its own lifetime.
     *
     * @throws HostException if the process has no more descriptors
     */
    public FileDescriptor duplicate() {
        int copy = FileCalls.fcntl(value(), LinuxHeaders.F_DUPFD_CLOEXEC(), 0);
        return adopt(Errno.check("fcntl F_DUPFD_CLOEXEC", this, copy), description);
    }

    /**
     * Gives the number away: this object is closed, the descriptor stays open, and the caller now owns it.
     *
     * @throws LifecycleException if it was closed already
     */
    public int release() {
        int taken = (int) NUMBER.getAndSet(this, CLOSED);
        if (taken == CLOSED) {
            throw new LifecycleException(this + " is closed; it cannot be given away any more");
        }
        return taken;
    }

    /**
     * Closes it; does nothing if it was closed or released already.
     *
     * @throws HostException if the kernel reports that earlier writes were lost; the descriptor is closed all the same
     */
    @Override
    public void close() {
        int taken = (int) NUMBER.getAndSet(this, CLOSED);
        if (taken == CLOSED || !owned) {
            return;
        }
        // Never repeated, not even after EINTR: Linux has freed the number by then.
        int result = FileCalls.close(taken);
        if (result < 0 && result != -Errno.EINTR) {
            throw Errno.failure("close", this, result);
        }
    }

    @Override
    public String toString() {
        return "fd " + original + " (" + description + ")";
    }
}
