package dev.vz.error;

import org.jspecify.annotations.Nullable;

/** Bytes that claim to be something (a kernel, a disk image, a packet, a document) are not, or are damaged. */
public non-sealed class FormatException extends VzException {

    private static final long serialVersionUID = 1L;

    /** Says {@code message} in full sentences: what was being done, what was found, what to do next. */
    public FormatException(String message) {
        super(message, null);
    }

    /** Like {@link #FormatException(String)}, with what brought it about. */
    public FormatException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
