package dev.vz.storage.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vz.testing.Listeners;
import dev.vz.testing.Peers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Other people's NBD programs, as clients of our server and as servers for our client. */
final class Tool {

    record Outcome(int status, String output) {}

    private Tool() {}

    /** Runs a program of a Debian package to its end. */
    static Outcome run(String debianPackage, String program, Object... arguments) {
        try {
            Process process = start(debianPackage, program, arguments);
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(program + " does not end; it printed " + output);
            }
            return new Outcome(process.exitValue(), output);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", interrupted);
        }
    }

    /** Runs a program that must succeed; returns what it printed. */
    static String ok(String debianPackage, String program, Object... arguments) {
        Outcome outcome = run(debianPackage, program, arguments);
        assertThat(outcome.status()).as("%s %s: %s", program, List.of(arguments), outcome.output()).isZero();
        return outcome.output();
    }

    /** Starts a server and waits until it listens. */
    static Process serve(Path socket, String debianPackage, String program, Object... arguments) {
        try {
            Process process = start(debianPackage, program, arguments);
            for (int i = 0; !Listeners.listens(socket); i++) {
                assertThat(process.isAlive()).as("%s ended early", program).isTrue();
                assertThat(i).as("%s does not listen", program).isLessThan(6000);
                Thread.sleep(10);
            }
            return process;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", interrupted);
        }
    }

    private static Process start(String debianPackage, String program, Object... arguments) throws IOException {
        var command = new ArrayList<String>();
        command.add(Peers.program(program, debianPackage).toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        // nbdsh takes the first python3 that it finds, and needs the one whose module the package brought.
        builder.environment().merge("PATH", "/usr/bin:/bin", (path, first) -> first + ":" + path);
        return builder.start();
    }
}
