package dev.vz.samples.cli.nested;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Debian's unmodified kernel on the software CPU: from the command line to power-off. */
@Tag("guest")
class EmulatorBootIT {

    /** What a boot may take where other work keeps the processors busy; alone it takes about a tenth of it. */
    private static final Duration LIMIT = Duration.ofSeconds(120);

    @TempDir
    Path folder;

    @BeforeAll
    static void fetch() {
        TestKit.fetched();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void theGuestBootsRunsACommandReportsItsStatusAndPowersOff(int cpus) throws Exception {
        Path shared = Files.createDirectory(folder.resolve("shared"));
        Files.writeString(shared.resolve("word"), "from the host\n");
        long begun = System.nanoTime();
        VzCommand.Result result = new VzCommand(folder).run(Map.of(), "boot", "--backend", "emulator", "--cpus",
                Integer.toString(cpus), "--timeout", Long.toString(LIMIT.toSeconds()), "--net", "user",
                "--share", "s=" + shared, "--exec", "cat /mnt/s/word; echo back >/mnt/s/answer; "
                        + "ip addr show dev eth0 | grep -o 'inet 10.0.2.[0-9]*'; "
                        + "uname -s; nproc; grep -c ^processor /proc/cpuinfo; dmesg | grep -ci 'bug:\\|oops\\|call trace'; exit 42");
        System.out.println("A guest with " + cpus + " processors ran on the software CPU in "
                + (System.nanoTime() - begun) / 1_000_000 + " ms");
        assertThat(result.status()).as(result.err()).isEqualTo(42);
        assertThat(result.out()).isEqualTo("from the host\ninet 10.0.2.15\nLinux\n" + cpus + "\n" + cpus + "\n0\n");
        assertThat(result.err()).isEmpty();
        assertThat(shared.resolve("answer")).hasContent("back");
    }
}
