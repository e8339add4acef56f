package dev.vz.samples.cli.bench;

import dev.vz.error.CapabilityException;
import java.io.IOException;
import java.util.List;

/** Programs of others that a comparison needs. */
final class Peer {

    private Peer() {}

    /**
     * Starts a program.
     *
     * @throws CapabilityException if it is not installed
     */
    static Process start(ProcessBuilder builder) {
        try {
            return builder.start();
        } catch (IOException failure) {
            String program = builder.command().getFirst();
            throw new CapabilityException("The comparison needs " + program + ", which cannot be started: "
                    + failure.getMessage() + "; install it (packages gcc, binutils and qemu-system-x86)", failure);
        }
    }

    /** The value in the middle; of an even number the upper one. */
    static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }
}
