package dev.vz.storage.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Peers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** qemu-img and qemu-io, as the judges of what images say. */
public final class Qemu {

    /** How a program ended. */
    public record Outcome(int status, String output) {}

    private Qemu() {}

    /** Goes on only where the tools are installed. */
    public static void require() {
        Peers.program("qemu-img", "qemu-utils");
        Peers.program("qemu-io", "qemu-utils");
    }

    /** Runs qemu-img; once more where it could not measure the processor, which it does for passphrases on a busy host. */
    public static Outcome img(Object... arguments) {
        Outcome outcome = run("qemu-img", arguments);
        for (int i = 0; i < 9 && outcome.output().contains("Unable to get accurate CPU usage"); i++) {
            outcome = run("qemu-img", arguments);
        }
        return outcome;
    }

    /** Runs qemu-img, which must succeed; returns what it printed. */
    public static String imgOk(Object... arguments) {
        Outcome outcome = img(arguments);
        assertThat(outcome.status()).as("qemu-img %s: %s", List.of(arguments), outcome.output()).isZero();
        return outcome.output();
    }

    /** Runs qemu-io commands on an image; none may fail. */
    public static void io(String format, Path image, List<String> commands) {
        var arguments = new ArrayList<Object>(List.of("-f", format));
        for (String command : commands) {
            arguments.add("-c");
            arguments.add(command);
        }
        arguments.add(image);
        Outcome outcome = run("qemu-io", arguments.toArray());
        assertThat(outcome.status()).as("qemu-io %s: %s", arguments, outcome.output()).isZero();
        assertThat(outcome.output()).doesNotContain("failed").doesNotContain("error");
    }

    /** Demands that qemu-img finds nothing wrong with an image. */
    public static void check(String format, Path image) {
        imgOk("check", "-f", format, image);
    }

    /** Demands that two images read the same. */
    public static void compare(String formatA, Path a, String formatB, Path b) {
        imgOk("compare", "-f", formatA, "-F", formatB, a, b);
    }

    private static Outcome run(String program, Object... arguments) {
        var command = new ArrayList<String>();
        command.add(Peers.program(program, "qemu-utils").toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(process.waitFor(), output);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while running " + command, interrupted);
        }
    }
}
