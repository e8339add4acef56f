package dev.vz.architecture.broken.jvm.machine;

/** The same, harder. */
class BadReset {
    void reset() {
        Runtime.getRuntime().halt(1);
    }
}
