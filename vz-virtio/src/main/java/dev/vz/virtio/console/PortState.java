package dev.vz.virtio.console;

import dev.vz.state.StateVersion;

/**
 * What a port holds.
 *
 * @param guestOpen whether the guest has it open
 * @param ready     whether the driver has said that it knows the port
 * @param input     bytes on their way to the guest
 * @param columns   of the terminal, in characters
 * @param rows      of the terminal, in characters
 */
@StateVersion(1)
public record PortState(boolean guestOpen, boolean ready, byte[] input, int columns, int rows) {

    /** Keeps a copy. */
    public PortState {
        input = input.clone();
    }
}
