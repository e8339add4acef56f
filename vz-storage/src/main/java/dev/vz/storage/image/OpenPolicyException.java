package dev.vz.storage.image;

import dev.vz.error.ConfigurationException;

/** The caller's policy forbids what an image asks for: a further file, a longer chain, larger tables. */
public final class OpenPolicyException extends ConfigurationException {

    private static final long serialVersionUID = 1L;

    /** Says {@code message} in full sentences. */
    public OpenPolicyException(String message) {
        super(message);
    }
}
