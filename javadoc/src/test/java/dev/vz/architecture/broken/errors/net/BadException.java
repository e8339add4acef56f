package dev.vz.architecture.broken.errors.net;

/** Outside the family. */
class BadException extends RuntimeException {
    private static final long serialVersionUID = 1L;
}
