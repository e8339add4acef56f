package dev.vz.architecture.broken.errors.net;

/** Outside the family. */
public class BadException extends RuntimeException {
    private static final long serialVersionUID = 1L;
}
