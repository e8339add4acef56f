package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Runs the packaged {@code vz} in a process of its own.
 *
 * @param folder for what the process says
 */
record VzCommand(Path folder) {

    private static final Path LAUNCHER = Path.of(System.getProperty("vz.cli.launcher")).toAbsolutePath().normalize();

    /** What a process did. */
    record Result(int status, String out, String err) {}

    /** Runs {@code vz arguments…} through its launcher, as it was packaged. */
    Result run(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(LAUNCHER.toString()));
        command.addAll(List.of(arguments));
        var settings = new HashMap<>(environment);
        settings.putAll(settings());
        // So that the cache of classes is there and not talked of.
        start(settings, List.of(LAUNCHER.toString(), "--version"));
        return start(settings, command);
    }

    /** What the launcher is told through its environment. */
    Map<String, String> settings() {
        return Map.of("VZ_BUILD", "never", "VZ_CACHE", TestKit.cache().path().toString(), "VZ_JAVA_HOME",
                System.getProperty("java.home"));
    }

    /** The {@code vz} that users start. */
    static Path launcher() {
        return LAUNCHER;
    }

    /** Runs {@code java arguments…} on the packaged modules. */
    Result java(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "--module-path",
                System.getProperty("vz.cli.jar") + ":" + System.getProperty("vz.cli.modules")));
        command.addAll(List.of(arguments));
        return start(environment, command);
    }

    private Result start(Map<String, String> environment, List<String> command)
            throws IOException, InterruptedException {
        Path out = Files.createTempFile(folder, "out", "");
        Path err = Files.createTempFile(folder, "err", "");
        var builder = new ProcessBuilder(command).directory(folder.toFile()).redirectOutput(out.toFile())
                .redirectError(err.toFile()).redirectInput(Path.of("/dev/null").toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        try {
            assertThat(process.waitFor(180, TimeUnit.SECONDS)).as("%s ended", command).isTrue();
        } finally {
            process.destroyForcibly();
        }
        return new Result(process.exitValue(), Files.readString(out, StandardCharsets.UTF_8),
                Files.readString(err, StandardCharsets.UTF_8));
    }
}
