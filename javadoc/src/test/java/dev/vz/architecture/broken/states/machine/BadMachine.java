package dev.vz.architecture.broken.states.machine;

/** One type for all its states. */
public class BadMachine {
    private boolean running;

    /** Starts, and is what it was. */
    public BadMachine start() {
        running = !running;
        return this;
    }
}
