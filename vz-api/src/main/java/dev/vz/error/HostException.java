package dev.vz.error;

import org.jspecify.annotations.Nullable;

/**
 * The host refused: a system call failed.
 *
 * <p>
 * Carries the operation, what it was done to, and the error number with its name, so that a program can tell
 * {@code EACCES} from {@code ENOENT} without reading the message.
 */
public non-sealed class HostException extends VzException {

    private static final long serialVersionUID = 1L;

    private final String operation;
    private final String target;
    private final int errno;
    private final String errnoName;

    /**
     * Says that {@code operation} on {@code target} failed.
     *
     * @param operation what was being done, for example {@code "ioctl KVM_CREATE_VM"}
     * @param target    what it was done to: a file name, a descriptor, an address range
     * @param errno     the error number, positive; 0 where the host gave none
     * @param errnoName its symbolic name, for example {@code "EACCES"}
     * @param remedy    what to do next, as a sentence; {@code null} where there is nothing useful to say
     */
    public HostException(String operation, String target, int errno, String errnoName, @Nullable String remedy) {
        super(message(operation, target, errno, errnoName, remedy), null);
        this.operation = operation;
        this.target = target;
        this.errno = errno;
        this.errnoName = errnoName;
    }

    /** Says that {@code operation} on {@code target} failed with an exception of the Java library. */
    public HostException(String operation, String target, Throwable cause) {
        super(operation + " on " + target + " failed: " + cause.getMessage(), cause);
        this.operation = operation;
        this.target = target;
        this.errno = 0;
        this.errnoName = "";
    }

    private static String message(String operation, String target, int errno, String errnoName,
            @Nullable String remedy) {
        String what = operation + " on " + target + " failed: " + errnoName + " (" + errno + ")";
        return remedy == null ? what : what + "; " + remedy;
    }

    /** What was being done. */
    public String operation() {
        return operation;
    }

    /** What it was done to. */
    public String target() {
        return target;
    }

    /** The error number, or 0 where the host gave none. */
    public int errno() {
        return errno;
    }

    /** The symbolic name of {@link #errno()}, or the empty string. */
    public String errnoName() {
        return errnoName;
    }
}
