package dev.vz.irq;

/**
 * A wire from a device to an interrupt controller's input.
 *
 * <p>
 * Whether the input is edge- or level-triggered is the guest's choice; a device that follows its specification drives
 * the level and lets the controller see the edges. Any thread; does not block.
 */
public interface InterruptLine {

    /** Drives the wire high ({@code true}) or low. Setting the level it has already changes nothing. */
    void set(boolean high);

    /** High, then low: one edge, for devices whose interrupt needs no acknowledgement. */
    default void pulse() {
        set(true);
        set(false);
    }

    /** A line that leads nowhere, for boards that do not wire a device and for tests. */
    static InterruptLine unconnected() {
        return high -> {};
    }

    /**
     * A level-triggered line that says when the guest has finished with an interrupt, so that a device whose cause
     * still stands can raise it again.
     */
    interface Resampled extends InterruptLine {
        /**
         * Runs {@code listener} after each end-of-interrupt for this line; the line is low by then. Called on a back
         * end thread; must not block.
         */
        void onEndOfInterrupt(Runnable listener);
    }
}
