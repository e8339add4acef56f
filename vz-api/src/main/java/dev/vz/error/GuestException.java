package dev.vz.error;

import org.jspecify.annotations.Nullable;

/** The guest did something that ends its run: a triple fault, an instruction that cannot be emulated, an address that no memory answers. */
public non-sealed class GuestException extends VzException {

    private static final long serialVersionUID = 1L;

    /** Says {@code message} in full sentences: what was being done, what was found, what to do next. */
    public GuestException(String message) {
        super(message, null);
    }

    /** Like {@link #GuestException(String)}, with what brought it about. */
    public GuestException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
