package dev.vz.net.network;

import dev.vz.error.CapabilityException;
import dev.vz.error.HostException;
import dev.vz.error.LifecycleException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program of the host's that configures its network. Its words are an array: no shell reads them. */
final class Tool {

    private static final int SECONDS = 10;

    private final String program;
    private final String debianPackage;

    Tool(String program, String debianPackage) {
        this.program = program;
        this.debianPackage = debianPackage;
    }

    /** Runs it, which must succeed. */
    void run(String... words) {
        feed("", words);
    }

    /** Runs it with {@code input} on its standard input. */
    void feed(String input, String... words) {
        Outcome outcome = start(input, words);
        if (outcome.status != 0) {
            throw new HostException(program + " " + String.join(" ", words), "the host's network", 0,
                    "status " + outcome.status, outcome.said.isEmpty() ? null : outcome.said);
        }
    }

    /** Whether it succeeds. */
    boolean succeeds(String... words) {
        return start("", words).status == 0;
    }

    private record Outcome(int status, String said) {}

    private Outcome start(String input, String... words) {
        var command = new ArrayList<>(List.of(program));
        command.addAll(List.of(words));
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException missing) {
            throw new CapabilityException("The program " + program + " cannot be started: " + missing.getMessage()
                    + "; install it (apt-get install " + debianPackage + ")");
        }
        try (var output = process.getInputStream()) {
            try (var wanted = process.getOutputStream()) {
                wanted.write(input.getBytes(StandardCharsets.UTF_8));
            }
            String said = new String(output.readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                throw new HostException(program + " " + String.join(" ", words), "the host's network", 0, "no end",
                        "it did not end within " + SECONDS + " seconds");
            }
            return new Outcome(process.exitValue(), said);
        } catch (IOException failure) {
            throw new HostException("talking to", program, failure);
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new LifecycleException("The wait for " + program + " was interrupted", interruption);
        } finally {
            process.destroy();
        }
    }
}
