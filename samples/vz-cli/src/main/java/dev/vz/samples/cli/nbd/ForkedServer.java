package dev.vz.samples.cli.nbd;

import dev.vz.error.CapabilityException;
import dev.vz.error.HostException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The same command once more as a process that outlives this one, which waits until it is listening. */
final class ForkedServer {

    static final String READY = "ready";

    private final String mark;

    /** {@code mark} is the environment variable by which the other process knows what it is. */
    ForkedServer(String mark) {
        this.mark = mark;
    }

    /** Exit status: 0 once it listens, 1 if it ended before. */
    int start() {
        ProcessHandle.Info self = ProcessHandle.current().info();
        String[] arguments = self.arguments().orElseThrow(() -> new CapabilityException(
                "This host does not tell how this command was started, so it cannot be started once more; "
                        + "leave --fork out and put the command into the background"));
        var command = new ArrayList<String>();
        command.add(self.command().orElse("java"));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT)
                .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
        builder.environment().put(mark, "1");
        try {
            Process process = builder.start();
            try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
                for (String line = out.readLine(); line != null; line = out.readLine()) {
                    if (line.equals(READY)) {
                        return 0;
                    }
                }
            }
            return 1;
        } catch (IOException failure) {
            throw new HostException("starting the server's process", command.getFirst(), failure);
        }
    }
}
