package dev.vz.samples.cli.disk;

import java.util.Objects;

/** A command ends with a message on standard error and an exit status. */
public final class CommandFailure extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int status;

    /** Ends with status 1. */
    public CommandFailure(String message) {
        this(message, 1);
    }

    /** Ends with {@code status}. */
    public CommandFailure(String message, int status) {
        super(message);
        this.status = status;
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** The exit status. */
    public int status() {
        return status;
    }
}
