package dev.vz.error;

import org.jspecify.annotations.Nullable;

/** The caller described something that cannot be: overlapping ranges, a size out of bounds, a kernel larger than the memory. */
public non-sealed class ConfigurationException extends VzException {

    private static final long serialVersionUID = 1L;

    /** Says {@code message} in full sentences: what was being done, what was found, what to do next. */
    public ConfigurationException(String message) {
        super(message, null);
    }

    /** Like {@link #ConfigurationException(String)}, with what brought it about. */
    public ConfigurationException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
