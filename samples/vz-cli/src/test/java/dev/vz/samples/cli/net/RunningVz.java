package dev.vz.samples.cli.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The packaged {@code vz} in a process of its own, with whom one can talk. */
final class RunningVz implements AutoCloseable {

    private static final long PATIENCE_SECONDS = 60;

    private final Process process;
    private final Path said;
    private final PrintStream in;

    private RunningVz(Process process, Path said) {
        this.process = process;
        this.said = said;
        in = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
    }

    /** Starts {@code vz arguments…}; what it says is kept in {@code folder}. */
    static RunningVz start(Path folder, String... arguments) throws IOException {
        var command = new ArrayList<>(
                List.of(Path.of(System.getProperty("vz.cli.launcher")).toAbsolutePath().normalize()
                        .toString()));
        command.addAll(List.of(arguments));
        Path said = Files.createTempFile(folder, "said", "");
        var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile());
        builder.environment().putAll(Map.of("VZ_BUILD", "never", "VZ_AOT", "off", "VZ_JAVA_HOME",
                System.getProperty("java.home")));
        return new RunningVz(builder.start(), said);
    }

    /** What it has said so far. */
    String said() throws IOException {
        return Files.readString(said, StandardCharsets.UTF_8);
    }

    /** Waits until it has said {@code text}. */
    void await(String text) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!said().contains(text)) {
            assertThat(process.isAlive() && System.nanoTime() < end).as("\"%s\" in: %s", text, said()).isTrue();
            Thread.sleep(20);
        }
    }

    /** Types a line. */
    void type(String line) {
        in.println(line);
    }

    /** Waits for its end; its status. */
    int awaitEnd() throws IOException, InterruptedException {
        assertThat(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)).as("it ends, having said: %s", said()).isTrue();
        return process.exitValue();
    }

    /** Asks it to end, as an operator does. */
    void terminate() {
        process.destroy();
    }

    /** Takes it off without asking, and waits until it is gone. */
    void kill() throws IOException, InterruptedException {
        process.destroyForcibly();
        awaitEnd();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
