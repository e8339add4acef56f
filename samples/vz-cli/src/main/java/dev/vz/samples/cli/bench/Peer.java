package dev.vz.samples.cli.bench;

import dev.vz.error.CapabilityException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;

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
                    + failure.getMessage() + "; install it (packages gcc, binutils, qemu-system-x86 and python3)", failure);
        }
    }

    /** How this very program was started, up to its own arguments: for another run of it with others. */
    static List<String> thisProgram(CommandSpec spec) throws IOException {
        Path self = Path.of("/proc/self");
        String[] words = Files.readString(self.resolve("cmdline"), StandardCharsets.UTF_8).split("\0", -1);
        int own = spec.root().commandLine().getParseResult().originalArgs().size();
        var command = new ArrayList<String>();
        command.add(self.resolve("exe").toRealPath().toString());
        command.addAll(List.of(words).subList(1, words.length - 1 - own)); // behind the last word there is an empty one
        return command;
    }

    /** The value in the middle; of an even number the upper one. */
    static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }
}
