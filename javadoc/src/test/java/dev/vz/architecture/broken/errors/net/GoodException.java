package dev.vz.architecture.broken.errors.net;

import dev.vz.error.ConfigurationException;

/** Of the family. */
public class GoodException extends ConfigurationException {
    private static final long serialVersionUID = 1L;

    GoodException() {
        super("the port is taken");
    }
}
