package dev.vz.machine.device;

/**
 * What a device may ask of the machine it is part of. Called on a vCPU thread, in the middle of an access; returns at once,
 * and what was asked happens after the access.
 */
public interface PowerControl {

    /** The guest switched itself off. */
    void powerOff();

    /** The guest wants a reset; {@code source} says through what, for messages. */
    void reset(String source);

    /** The guest ended a test run with {@code value}. */
    void debugExit(int value);
}
