package dev.vz.samples.cli.bench;

import dev.vz.error.GuestException;
import dev.vz.error.HostException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A Linux guest of the kit on the software CPU, in a process of its own as a user starts it. Belongs to one thread. */
final class LinuxGuest implements AutoCloseable {

    /** After this the guest is ended, whatever it does. */
    private static final Duration LIMIT = Duration.ofMinutes(10);

    private final Process process;
    private final BufferedReader out;
    private final Path jcmd;

    /**
     * Starts one.
     *
     * @param self   how this very program is started; the first word is {@code java}
     * @param java   more options for its JVM
     * @param cpus   virtual processors
     * @param script what it runs
     */
    LinuxGuest(List<String> self, List<String> java, int cpus, String script) {
        var command = new ArrayList<>(self);
        command.addAll(1, java);
        command.addAll(List.of("boot", "--backend", "emulator", "--cpus", Integer.toString(cpus), "--timeout",
                Long.toString(LIMIT.toSeconds()), "--exec", script));
        jcmd = Path.of(self.getFirst()).resolveSibling("jcmd");
        process = Peer.start(new ProcessBuilder(command).redirectInput(Path.of("/dev/null").toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT));
        out = process.inputReader(StandardCharsets.US_ASCII);
    }

    /** The next line that its script prints. */
    String line() {
        try {
            String line = out.readLine();
            if (line == null) {
                throw new GuestException(
                        "The guest ended before it had said all that was expected of it; its own message "
                                + "stands above");
            }
            return line;
        } catch (IOException failure) {
            throw new HostException("reading what the guest says", "process " + process.pid(), failure);
        }
    }

    /** The processor time of the whole process so far, in hundredths of a second. */
    Duration processorTime() {
        return process.info().totalCpuDuration()
                .orElseThrow(() -> new GuestException("The guest's process " + process.pid() + " is gone"));
    }

    /** What {@code jcmd} has its JVM say. */
    List<String> ask(String... words) throws InterruptedException {
        var command = new ArrayList<>(List.of(jcmd.toString(), Long.toString(process.pid())));
        command.addAll(List.of(words));
        Process asking = Peer.start(new ProcessBuilder(command).redirectErrorStream(true), "of a JDK");
        try (BufferedReader answer = asking.inputReader(StandardCharsets.UTF_8)) {
            List<String> lines = answer.lines().toList();
            if (asking.waitFor() != 0) {
                throw new GuestException(String.join(" ", command) + " ended with " + asking.exitValue() + " and said: "
                        + String.join(" ", lines));
            }
            return lines;
        } catch (IOException failure) {
            throw new HostException("reading what jcmd says", "process " + asking.pid(), failure);
        }
    }

    /** Ends it. */
    @Override
    public void close() {
        process.destroy();
        boolean interrupted = false;
        while (true) {
            try {
                process.waitFor();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
                process.destroyForcibly();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
