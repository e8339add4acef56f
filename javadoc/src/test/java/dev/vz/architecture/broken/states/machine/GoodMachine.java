package dev.vz.architecture.broken.states.machine;

/** Built; running is another type. */
public class GoodMachine {
    /** A handle. */
    public Running start() {
        return new Running();
    }

    /** The handle. */
    public static class Running {}
}
