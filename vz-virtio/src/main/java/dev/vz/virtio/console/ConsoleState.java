package dev.vz.virtio.console;

import dev.vz.state.StateVersion;
import java.util.List;

/**
 * What a console remembers beside its queues.
 *
 * @param features what was agreed on with the driver
 * @param ports    one entry for each port
 * @param control  messages to the driver that wait for a buffer
 */
@StateVersion(1)
public record ConsoleState(long features, List<PortState> ports, List<byte[]> control) {

    /** Keeps copies. */
    public ConsoleState {
        ports = List.copyOf(ports);
        control = control.stream().map(byte[]::clone).toList();
    }
}
