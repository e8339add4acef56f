package dev.vz.samples.cli.kit;

import dev.vz.error.CapabilityException;
import dev.vz.error.HostException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;

/**
 * Runs a program of the host with a time limit, in the C locale, with nothing on its standard input.
 *
 * @param folder where it runs
 * @param limit  after which it is ended and the call fails
 */
record HostProgram(Path folder, Duration limit) {

    private static final long POLL_MILLISECONDS = 100;

    /**
     * Runs {@code command} and gives what it wrote to standard output.
     *
     * @param tick called about ten times a second while it runs, with the milliseconds since it started
     * @throws CapabilityException if the program is not installed
     * @throws HostException       if it fails or takes too long; the message ends with the last line it wrote
     */
    String run(List<String> command, LongConsumer tick) {
        Path output = null;
        Path errors = null;
        Process process = null;
        try {
            output = Files.createTempFile("vz-", ".out");
            errors = Files.createTempFile("vz-", ".err");
            var builder = new ProcessBuilder(command).directory(folder.toFile())
                    .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(output.toFile()).redirectError(errors.toFile());
            builder.environment().put("LC_ALL", "C");
            builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
            process = start(builder);
            await(process, command, tick);
            String text = Files.readString(output, StandardCharsets.UTF_8);
            if (process.exitValue() != 0) {
                throw new HostException("running a program", String.join(" ", command), process.exitValue(),
                        "exit status", lastWords(errors, text));
            }
            return text;
        } catch (IOException failure) {
            throw new HostException("running a program", String.join(" ", command), failure);
        } finally {
            if (process != null) {
                process.destroyForcibly();
            }
            CacheFolder.deleteTree(output);
            CacheFolder.deleteTree(errors);
        }
    }

    private static Process start(ProcessBuilder builder) {
        try {
            return builder.start();
        } catch (IOException failure) {
            throw new CapabilityException("The program " + builder.command().getFirst()
                    + " cannot be started on this host: " + failure.getMessage(), failure);
        }
    }

    private void await(Process process, List<String> command, LongConsumer tick) {
        long start = System.nanoTime();
        try {
            while (!process.waitFor(POLL_MILLISECONDS, TimeUnit.MILLISECONDS)) {
                long elapsed = System.nanoTime() - start;
                if (elapsed > limit.toNanos()) {
                    throw new HostException("running a program", String.join(" ", command), 0, "no end within "
                            + limit.toSeconds() + " s", "try again, or run it by hand to see what it waits for");
                }
                tick.accept(TimeUnit.NANOSECONDS.toMillis(elapsed));
            }
        } catch (InterruptedException interruption) {
            Thread.currentThread().interrupt();
            throw new HostException("running a program", String.join(" ", command), interruption);
        }
    }

    /** The line that says what went wrong: apt marks it with E:, others write it last. */
    private static String lastWords(Path errors, String output) throws IOException {
        List<String> lines = Files.readString(errors, StandardCharsets.UTF_8).lines().filter(l -> !l.isBlank())
                .toList();
        for (String line : lines) {
            if (line.startsWith("E:")) {
                return line.strip();
            }
        }
        if (!lines.isEmpty()) {
            return lines.getLast().strip();
        }
        return output.lines().filter(l -> !l.isBlank()).reduce("it wrote nothing", (first, last) -> last).strip();
    }
}
