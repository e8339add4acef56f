package dev.vz.state;

/**
 * A device with work of its own, beside what the vCPUs make it do: queues, timers, connections.
 *
 * <p>
 * The machine pauses it after its vCPUs stand, and resumes it before they run again. Calls come one at a time.
 */
public interface Pausable {

    /**
     * Brings the device to rest. When this returns it touches neither guest memory nor interrupts until {@link #resume},
     * and what the guest can see says all that has happened.
     */
    void pause();

    /** Goes on, with what came meanwhile. */
    void resume();
}
