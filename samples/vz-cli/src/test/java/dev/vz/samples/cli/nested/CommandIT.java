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
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The {@code vz} command as it was packaged, started by its launcher on this host. */
@Tag("guest")
class CommandIT {

    private static final Path LAUNCHER = Path.of(System.getProperty("vz.cli.launcher")).toAbsolutePath().normalize();

    @TempDir
    Path folder;

    /** What a process did. */
    private record Result(int status, String out, String err) {}

    @Test
    void helpAndVersionComeOnStandardOutput() throws Exception {
        Result help = vz(Map.of(), "boot", "--help");
        assertThat(help.status()).isZero();
        assertThat(help.out()).contains("--exec", "Examples:");
        assertThat(help.err()).isEmpty();
        assertThat(vz(Map.of(), "--version").out()).startsWith("vz ");
    }

    @Test
    void aWrongCommandLineHasStatus2() throws Exception {
        Result result = vz(Map.of(), "boot", "--memory", "lots");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).startsWith("vz: Invalid value for option '--memory'");
        assertThat(result.out()).isEmpty();
    }

    @Test
    void aBackendThatCannotBeUsedIsOneLineWithReasonAndRemedy() throws Exception {
        Result result = vz(Map.of(), "boot", "--backend", "kvm", "--cpus", "1000", "--exec", "true");
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err().lines()).singleElement().asString().startsWith("vz: ");
        assertThat(result.out()).isEmpty();
    }

    /** On a host whose KVM runs whole systems the guest runs; on any other the reason is told. Nothing between. */
    @Test
    void bootEitherRunsTheCommandOrSaysWhyNot() throws Exception {
        TestKit.fetched();
        Result result = vz(Map.of(), "boot", "--timeout", "120", "--exec", "echo ran; exit 3");
        if (result.status() == 3) {
            assertThat(result.out()).isEqualTo("ran\n");
            assertThat(result.err()).startsWith("vz: backend ");
        } else {
            assertThat(result.status()).isEqualTo(1);
            assertThat(result.err()).startsWith("vz: No backend here can run a guest. kvm: ").contains("AMD-V or VT-x");
            assertThat(result.out()).isEmpty();
        }
    }

    /** The same as the command does when no kernel is named, in a process that finds no program at all. */
    @Test
    void aHostWithoutAptIsToldToNameAKernel() throws Exception {
        Result result = java(Map.of("PATH", "/nonexistent"), "--add-modules", "dev.vz.samples.cli", "--add-exports",
                "dev.vz.samples.cli/dev.vz.samples.cli.kit=ALL-UNNAMED", "-cp",
                System.getProperty("vz.cli.test.classes"),
                KitWithoutApt.class.getName(), folder.resolve("cache").toString());
        assertThat(result.err()).as(result.err()).contains("The program apt-cache cannot be started on this host")
                .contains("apt-get update").contains("--kernel");
        assertThat(result.status()).isEqualTo(1);
        assertThat(folder.resolve("cache/debian-guest-kit")).doesNotExist();
    }

    private Result vz(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(LAUNCHER.toString()));
        command.addAll(List.of(arguments));
        var settings = new HashMap<>(environment);
        settings.put("VZ_BUILD", "never");
        settings.put("VZ_CACHE", TestKit.cache().path().toString());
        settings.put("VZ_JAVA_HOME", System.getProperty("java.home"));
        // So that the cache of classes is there and not talked of.
        run(settings, List.of(LAUNCHER.toString(), "--version"));
        return run(settings, command);
    }

    private Result java(Map<String, String> environment, String... arguments) throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "--module-path",
                System.getProperty("vz.cli.jar") + ":" + System.getProperty("vz.cli.modules")));
        command.addAll(List.of(arguments));
        return run(environment, command);
    }

    private Result run(Map<String, String> environment, List<String> command) throws IOException, InterruptedException {
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
