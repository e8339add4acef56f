package dev.vz.samples.cli.disk;

import java.util.Objects;

/** A command ends with a message on standard error and an exit status. */
public final class CommandFailure extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int status;
    private final boolean ended;

    /** Ends with status 1. */
    public CommandFailure(String message) {
        this(message, 1);
    }

    /** Ends with {@code status}. */
    public CommandFailure(String message, int status) {
        this(message, status, true);
    }

    /**
     * Ends with {@code status}.
     *
     * @param ended whether a line feed goes behind the message; qemu-img leaves some without
     */
    public CommandFailure(String message, int status, boolean ended) {
        super(message);
        this.status = status;
        this.ended = ended;
    }

    /** Whether a line feed goes behind the message. */
    public boolean ended() {
        return ended;
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
