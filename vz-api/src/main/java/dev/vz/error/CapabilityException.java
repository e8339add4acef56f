package dev.vz.error;

import org.jspecify.annotations.Nullable;

/** This host, kernel, back end or file cannot do what was asked; the message names what is missing. */
public non-sealed class CapabilityException extends VzException {

    private static final long serialVersionUID = 1L;

    /** Says {@code message} in full sentences: what was being done, what was found, what to do next. */
    public CapabilityException(String message) {
        super(message, null);
    }

    /** Like {@link #CapabilityException(String)}, with what brought it about. */
    public CapabilityException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
