package dev.vz.storage.image;

import dev.vz.error.FormatException;

/** The metadata of an image contradicts itself or the format; going on would make it worse. */
public final class CorruptImageException extends FormatException {

    private static final long serialVersionUID = 1L;

    /** Says {@code message} in full sentences. */
    public CorruptImageException(String message) {
        super(message);
    }
}
