package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over the boot of an unmodified kernel, what hot code does translated is what the interpreter makes of it. */
@Tag("guest")
class LockstepBootIT {

    @TempDir
    Path folder;

    @BeforeAll
    static void fetch() {
        TestKit.fetched();
    }

    @Test
    void theFirstExecutionsOfEachTranslationDoWhatTheInterpreterDoes() throws Exception {
        Path report = folder.resolve("compared");
        VzCommand.Result result = new VzCommand(folder).run(
                Map.of("VZ_JAVA_OPTS", "-Ddev.vz.emulator.lockstep=" + report), "boot", "--backend", "emulator",
                "--timeout", "120", "--exec", "echo the guest is up; exit 42");
        assertThat(result.err()).isEmpty();
        assertThat(result.status()).isEqualTo(42);
        assertThat(result.out()).isEqualTo("the guest is up\n");
        String[] counts = Files.readString(report).strip().split(" ", -1);
        System.out.println("Compared: " + counts[0] + " executions of translations, " + counts[1] + " instructions");
        // About a tenth of what a boot comes to: on a busy host translations are ready later.
        assertThat(Long.parseLong(counts[0])).as("executions compared").isGreaterThan(500);
        assertThat(Long.parseLong(counts[1])).as("instructions compared").isGreaterThan(10_000);
    }
}
