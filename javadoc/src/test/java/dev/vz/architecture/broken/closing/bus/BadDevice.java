package dev.vz.architecture.broken.closing.bus;

/** Cannot be used in try-with-resources. */
public class BadDevice {
    /** Nobody will call it. */
    public void close() {}
}
