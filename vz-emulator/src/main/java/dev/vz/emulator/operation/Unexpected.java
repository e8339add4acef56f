package dev.vz.emulator.operation;

/** Unwraps what a method handle throws: functions of this module throw nothing checked. */
final class Unexpected {

    private Unexpected() {}

    static RuntimeException of(Throwable thrown) {
        if (thrown instanceof RuntimeException e) {
            return e;
        }
        if (thrown instanceof Error e) {
            throw e;
        }
        return new IllegalStateException("A vector function threw a checked exception", thrown);
    }
}
