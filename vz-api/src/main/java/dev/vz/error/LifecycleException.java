package dev.vz.error;

import org.jspecify.annotations.Nullable;

/** A thing was used at the wrong point of its life: after its close, before its start, or by the wrong thread. */
public non-sealed class LifecycleException extends VzException {

    private static final long serialVersionUID = 1L;

    /** Says {@code message} in full sentences: what was being done, what was found, what to do next. */
    public LifecycleException(String message) {
        super(message, null);
    }

    /** Like {@link #LifecycleException(String)}, with what brought it about. */
    public LifecycleException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
