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

    @TempDir
    Path folder;

    @Test
    void helpAndVersionComeOnStandardOutput() throws Exception {
        VzCommand.Result help = vz(Map.of(), "boot", "--help");
        assertThat(help.status()).isZero();
        assertThat(help.out()).contains("--exec", "Examples:");
        assertThat(help.err()).isEmpty();
        assertThat(vz(Map.of(), "--version").out()).startsWith("vz ");
    }

    @Test
    void aWrongCommandLineHasStatus2() throws Exception {
        VzCommand.Result result = vz(Map.of(), "boot", "--memory", "lots");
        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).startsWith("vz: Invalid value for option '--memory'");
        assertThat(result.out()).isEmpty();
    }

    @Test
    void aBackendThatCannotBeUsedIsOneLineWithReasonAndRemedy() throws Exception {
        VzCommand.Result result = vz(Map.of(), "boot", "--backend", "kvm", "--cpus", "1000", "--exec", "true");
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err().lines()).singleElement().asString().startsWith("vz: ");
        assertThat(result.out()).isEmpty();
    }

    /** On a host whose KVM runs whole systems the guest runs there; on any other, on the software CPU. */
    @Test
    void bootRunsTheCommandOnTheBestBackendAndNamesIt() throws Exception {
        TestKit.fetched();
        VzCommand.Result result = vz(Map.of(), "boot", "--timeout", "120", "--exec", "echo ran; exit 3");
        assertThat(result.status()).as(result.err()).isEqualTo(3);
        assertThat(result.out()).isEqualTo("ran\n");
        assertThat(result.err().lines()).singleElement().asString().startsWith("vz: backend ");
    }

    /** The same as the command does when no kernel is named, in a process that finds no program at all. */
    @Test
    void aHostWithoutAptIsToldToNameAKernel() throws Exception {
        VzCommand.Result result = new VzCommand(folder).java(Map.of("PATH", "/nonexistent"), "--add-modules",
                "dev.vz.samples.cli", "--add-exports",
                "dev.vz.samples.cli/dev.vz.samples.cli.kit=ALL-UNNAMED", "-cp",
                System.getProperty("vz.cli.test.classes"),
                KitWithoutApt.class.getName(), folder.resolve("cache").toString());
        assertThat(result.err()).as(result.err()).contains("The program apt-cache cannot be started on this host")
                .contains("apt-get update").contains("--kernel");
        assertThat(result.status()).isEqualTo(1);
        assertThat(folder.resolve("cache/debian-guest-kit")).doesNotExist();
    }

    private VzCommand.Result vz(Map<String, String> environment, String... arguments) throws Exception {
        return new VzCommand(folder).run(environment, arguments);
    }
}
